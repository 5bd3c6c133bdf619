using System.Net;
using AwesomeAssertions;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Grpc.Net.Client;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>A proxy's end of an aggregated discovery stream over a real socket, request by request.</summary>
internal sealed class AdsConnection : IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> _call;
    private readonly string _node;

    public AdsConnection(IPEndPoint address, string node = "proxy-1")
    {
        _channel = GrpcChannel.ForAddress($"http://{address}");
        Client = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(_channel);
        _call = Client.StreamAggregatedResources(cancellationToken: Token);
        _node = node;
    }

    public AggregatedDiscoveryService.AggregatedDiscoveryServiceClient Client { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public Task SubscribeAsync(string typeUrl, params IEnumerable<string> names) =>
        _call.RequestStream.WriteAsync(new DiscoveryRequest { Node = new Node { Id = _node, Cluster = "edge" }, TypeUrl = typeUrl, ResourceNames = { names } }, Token);

    public async Task<DiscoveryResponse> ReceiveAsync()
    {
        (await _call.ResponseStream.MoveNext(Token)).Should().BeTrue("a response was awaited");
        return _call.ResponseStream.Current;
    }

    /// <summary>Accepts a response, with the names that its type stays subscribed to.</summary>
    public Task AcceptAsync(DiscoveryResponse response, params IEnumerable<string> names) => _call.RequestStream.WriteAsync(
        new DiscoveryRequest { TypeUrl = response.TypeUrl, VersionInfo = response.VersionInfo, ResponseNonce = response.Nonce, ResourceNames = { names } }, Token);

    /// <summary>Refuses a response.</summary>
    public Task RejectAsync(DiscoveryResponse response, string reason) => _call.RequestStream.WriteAsync(
        new DiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce, ErrorDetail = new Google.Rpc.Status { Code = 3, Message = reason } }, Token);

    public async ValueTask DisposeAsync()
    {
        _call.Dispose();
        await _channel.ShutdownAsync();
        _channel.Dispose();
    }
}

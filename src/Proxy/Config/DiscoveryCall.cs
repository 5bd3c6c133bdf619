using Envoy.Service.Discovery.V3;
using Grpc.Core;
using KubeProxyNet.Xds.Protocol;

namespace KubeProxyNet.Proxy.Config;

/// <summary>An open discovery stream.</summary>
internal interface IDiscoveryCall : IDisposable
{
    /// <summary>Sends a request, or nothing where it would say nothing new.</summary>
    Task SendAsync(DiscoveryRequest request, CancellationToken cancellation);

    /// <summary>The next response; null at the end of the stream.</summary>
    Task<DiscoveryResponse?> ReceiveAsync(CancellationToken cancellation);
}

/// <summary>A stream of the state-of-the-world variant.</summary>
internal sealed class FullDiscoveryCall(AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call) : IDiscoveryCall
{
    public Task SendAsync(DiscoveryRequest request, CancellationToken cancellation) => call.RequestStream.WriteAsync(request, cancellation);

    public async Task<DiscoveryResponse?> ReceiveAsync(CancellationToken cancellation) =>
        await call.ResponseStream.MoveNext(cancellation) ? call.ResponseStream.Current : null;

    public void Dispose() => call.Dispose();
}

/// <summary>A stream of the incremental variant.</summary>
internal sealed class DeltaDiscoveryCall(AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call, DeltaTranslation translation) : IDiscoveryCall
{
    public Task SendAsync(DiscoveryRequest request, CancellationToken cancellation) =>
        translation.Of(request) is { } delta ? call.RequestStream.WriteAsync(delta, cancellation) : Task.CompletedTask;

    public async Task<DiscoveryResponse?> ReceiveAsync(CancellationToken cancellation) =>
        await call.ResponseStream.MoveNext(cancellation) ? translation.Of(call.ResponseStream.Current) : null;

    public void Dispose() => call.Dispose();
}

using System.Net;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using KubeProxyNet.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace KubeProxyNet.EndToEnd.Tests.BadControlPlane;

/// <summary>
/// A control plane that sends exactly what a test tells it to, right or wrong, and keeps every request of the one proxy that is connected.
/// What was pushed last for a type is also the answer to each new subscription to it.
/// </summary>
internal sealed class ScriptedControlPlane : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase, IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<DiscoveryRequest> _requests = [];
    private readonly Dictionary<string, DiscoveryResponse> _responses = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _writing = new(1);
    private WebApplication? _application;
    private IServerStreamWriter<DiscoveryResponse>? _stream;
    private int _nonce;

    public int Port { get; } = FreePort.Take();

    /// <summary>The requests so far, in order.</summary>
    public IReadOnlyList<DiscoveryRequest> Requests
    {
        get
        {
            lock (_gate)
            {
                return [.. _requests];
            }
        }
    }

    /// <summary>The <c>authorization</c> of the stream that was opened last; null for none.</summary>
    public string? Authorization { get; private set; }

    /// <summary>Starts one.</summary>
    /// <param name="configure">More of how it listens, such as TLS; null for plain text.</param>
    public static async Task<ScriptedControlPlane> StartAsync(Action<ListenOptions>? configure = null)
    {
        var server = new ScriptedControlPlane();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
            options.Listen(IPAddress.Loopback, server.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                configure?.Invoke(listen);
            }));
        builder.Services.AddRouting();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(server);
        server._application = builder.Build();
        server._application.MapGrpcService<ScriptedControlPlane>();
        await server._application.StartAsync();
        return server;
    }

    /// <summary>Sends resources and waits for the proxy's answer to exactly that response.</summary>
    /// <param name="resources">An <see cref="Any"/> is sent as it is, every other message is packed into one.</param>
    public async Task<DiscoveryRequest> PushAsync(string typeUrl, string version, params IReadOnlyList<IMessage> resources)
    {
        var response = new DiscoveryResponse { TypeUrl = typeUrl, VersionInfo = version, Resources = { resources.Select(resource => resource as Any ?? Any.Pack(resource)) } };
        await SetAsync(response);
        return await WaitForRequestAsync(request => request.TypeUrl == typeUrl && request.ResponseNonce == response.Nonce, $"the answer to {typeUrl} {version}");
    }

    /// <summary>Keeps a response for its type and sends it at once where a proxy is connected; its nonce is filled in.</summary>
    public async Task SetAsync(DiscoveryResponse response)
    {
        response.Nonce = $"n{Interlocked.Increment(ref _nonce)}";
        lock (_gate)
        {
            _responses[response.TypeUrl] = response;
        }

        await SendAsync(response);
    }

    /// <summary>Waits until a request satisfies a condition.</summary>
    public async Task<DiscoveryRequest> WaitForRequestAsync(Func<DiscoveryRequest, bool> condition, string what)
    {
        DiscoveryRequest? found = null;
        await Patience.UntilAsync(() => (found = Requests.LastOrDefault(condition)) is not null, what);
        return found!;
    }

    public override async Task StreamAggregatedResources(
        IAsyncStreamReader<DiscoveryRequest> requestStream, IServerStreamWriter<DiscoveryResponse> responseStream, ServerCallContext context)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, _stopping.Token);
        Authorization = context.RequestHeaders.GetValue("authorization");
        _stream = responseStream;
        try
        {
            while (await requestStream.MoveNext(ended.Token))
            {
                var request = requestStream.Current;
                DiscoveryResponse? response;
                lock (_gate)
                {
                    // A subscription that changed looks like another answer to the last response.
                    var last = _requests.LastOrDefault(other => other.TypeUrl == request.TypeUrl);
                    var isSubscription = request.ResponseNonce.Length == 0 || (last is not null && !last.ResourceNames.SequenceEqual(request.ResourceNames));
                    _requests.Add(request);
                    response = isSubscription ? _responses.GetValueOrDefault(request.TypeUrl) : null;
                }

                if (response is not null)
                {
                    await SendAsync(response);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The proxy or the test ended it.
        }
        finally
        {
            _stream = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _application!.DisposeAsync();
        _writing.Dispose();
        _stopping.Dispose();
    }

    private async Task SendAsync(DiscoveryResponse response)
    {
        await _writing.WaitAsync();
        try
        {
            if (_stream is { } stream)
            {
                await stream.WriteAsync(response);
            }
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            // The proxy went away meanwhile.
        }
        finally
        {
            _writing.Release();
        }
    }
}

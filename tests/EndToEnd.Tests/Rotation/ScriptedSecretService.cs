using System.Net;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Service.Discovery.V3;
using Envoy.Service.Secret.V3;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using KubeProxyNet.Testing;
using KubeProxyNet.Xds;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>What a proxy said to a <see cref="ScriptedSecretService"/>.</summary>
/// <param name="Names">The names that it asks for; in the incremental variant, those that are new.</param>
/// <param name="Nonce">The nonce of the response that it answers; empty for none.</param>
/// <param name="Error">Why it refuses that; empty where it does not.</param>
/// <param name="Versions">What it has already, by name (incremental variant).</param>
internal sealed record SecretRequest(IReadOnlyList<string> Names, string Nonce, string Error, IReadOnlyDictionary<string, string> Versions);

/// <summary>A secret discovery service of its own, in both variants of the protocol. It sends what it is told to, and again to each new stream.</summary>
internal sealed class ScriptedSecretService : SecretDiscoveryService.SecretDiscoveryServiceBase, IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<SecretRequest> _requests = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _writing = new(1);
    private WebApplication? _application;
    private Func<string, string, Secret[], Task>? _send;
    private (string Version, Secret[] Secrets)? _last;
    private int _nonce;

    private ScriptedSecretService(int port) => Port = port;

    public int Port { get; }

    /// <summary>The requests so far, in order.</summary>
    public IReadOnlyList<SecretRequest> Requests
    {
        get
        {
            lock (_gate)
            {
                return [.. _requests];
            }
        }
    }

    /// <summary>True while a proxy has subscribed and its stream is open.</summary>
    public bool HasStream => Volatile.Read(ref _send) is not null;

    /// <summary>Starts one.</summary>
    /// <param name="port">Where it listens; 0 for a free port.</param>
    /// <param name="socketPath">A socket in the file system to listen on in place of a port; null for none.</param>
    /// <param name="configure">More of how it listens, such as TLS; null for plain text.</param>
    public static async Task<ScriptedSecretService> StartAsync(int port = 0, string? socketPath = null, Action<ListenOptions>? configure = null)
    {
        var server = new ScriptedSecretService(port == 0 ? FreePort.Take() : port);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        void Configure(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http2;
            configure?.Invoke(listen);
        }

        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
        {
            if (socketPath is null)
            {
                options.Listen(IPAddress.Loopback, server.Port, Configure);
            }
            else
            {
                options.ListenUnixSocket(socketPath, Configure);
            }
        });
        builder.Services.AddRouting();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(server);
        server._application = builder.Build();
        server._application.MapGrpcService<ScriptedSecretService>();
        await server._application.StartAsync();
        return server;
    }

    /// <summary>Has each stream begin with these, without waiting for one.</summary>
    public void Hold(string version, params Secret[] secrets)
    {
        lock (_gate)
        {
            _last = (version, secrets);
        }
    }

    /// <summary>Sends secrets and waits for the proxy's answer to exactly that response.</summary>
    public async Task<SecretRequest> PushAsync(string version, params Secret[] secrets)
    {
        Hold(version, secrets);
        await Patience.UntilAsync(() => HasStream, "a stream");
        var nonce = await SendAsync(version, secrets);
        return await WaitForRequestAsync(request => request.Nonce == nonce, $"the answer to {version}");
    }

    /// <summary>Waits until a request satisfies a condition.</summary>
    public async Task<SecretRequest> WaitForRequestAsync(Func<SecretRequest, bool> condition, string what)
    {
        SecretRequest? found = null;
        await Patience.UntilAsync(() => (found = Requests.LastOrDefault(condition)) is not null, what);
        return found!;
    }

    public override Task StreamSecrets(IAsyncStreamReader<DiscoveryRequest> requestStream, IServerStreamWriter<DiscoveryResponse> responseStream, ServerCallContext context) => ServeAsync(
        requestStream,
        static request => new SecretRequest([.. request.ResourceNames], request.ResponseNonce, request.ErrorDetail?.Message ?? "", new Dictionary<string, string>()),
        (version, nonce, secrets) => responseStream.WriteAsync(new DiscoveryResponse { TypeUrl = XdsTypeUrls.Secret, VersionInfo = version, Nonce = nonce, Resources = { secrets.Select(Any.Pack) } }),
        context);

    public override Task DeltaSecrets(IAsyncStreamReader<DeltaDiscoveryRequest> requestStream, IServerStreamWriter<DeltaDiscoveryResponse> responseStream, ServerCallContext context) => ServeAsync(
        requestStream,
        static request => new SecretRequest([.. request.ResourceNamesSubscribe], request.ResponseNonce, request.ErrorDetail?.Message ?? "", new Dictionary<string, string>(request.InitialResourceVersions)),
        (version, nonce, secrets) => responseStream.WriteAsync(new DeltaDiscoveryResponse
        {
            TypeUrl = XdsTypeUrls.Secret,
            Nonce = nonce,
            Resources = { secrets.Select(secret => new Resource { Name = secret.Name, Version = version, Resource_ = Any.Pack(secret) }) },
        }),
        context);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _application!.DisposeAsync();
        _writing.Dispose();
        _stopping.Dispose();
    }

    private async Task ServeAsync<T>(IAsyncStreamReader<T> requests, Func<T, SecretRequest> read, Func<string, string, Secret[], Task> send, ServerCallContext context)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, _stopping.Token);
        var isFirst = true;
        try
        {
            while (await requests.MoveNext(ended.Token))
            {
                (string Version, Secret[] Secrets)? last;
                lock (_gate)
                {
                    _requests.Add(read(requests.Current));
                    last = _last;
                }

                if (!isFirst)
                {
                    continue;
                }

                isFirst = false;
                Volatile.Write(ref _send, send);
                if (last is { } held)
                {
                    await SendAsync(held.Version, held.Secrets);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The proxy or the test ended it.
        }
        finally
        {
            Volatile.Write(ref _send, null);
        }
    }

    private async Task<string> SendAsync(string version, Secret[] secrets)
    {
        await _writing.WaitAsync();
        try
        {
            var nonce = $"n{++_nonce}";
            if (Volatile.Read(ref _send) is { } send)
            {
                await send(version, nonce, secrets);
            }

            return nonce;
        }
        finally
        {
            _writing.Release();
        }
    }
}

using System.Net;
using System.Net.Sockets;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Manifests;
using KubeProxyNet.Xds.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>
/// The control plane: watches a folder of Kubernetes manifests and serves what they say to proxies over xDS, as aggregated discovery over gRPC, in plain text or by TLS.
/// It reads no environment variable and no settings file. Started once, disposed once.
/// </summary>
public sealed class ControlPlaneServer : IAsyncDisposable
{
    /// <summary>A proxy names every resource that it wants in each request; this is room for some 200,000 of them.</summary>
    private const int MaxRequestBytes = 32 * 1024 * 1024;

    private const int MaxConnections = 10_000;

    private readonly ControlPlaneOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ManifestFolder _source;
    private readonly SnapshotCache _snapshots = new();
    private readonly ConnectedProxies _proxies;
    private readonly AggregatedDiscovery _discovery;
    private Task _pipeline = Task.CompletedTask;
    private WebApplication? _application;
    private IPEndPoint? _address;

    /// <summary>Makes a server that does nothing yet.</summary>
    /// <param name="options">What to read, what to serve and where.</param>
    /// <param name="loggerFactory">Takes the log: diagnostics, snapshots, proxies that come, go or reject. Not disposed.</param>
    /// <param name="timeProvider">The clock; null for the system's.</param>
    public ControlPlaneServer(ControlPlaneOptions options, ILoggerFactory loggerFactory, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggerFactory);
        _clock = timeProvider ?? TimeProvider.System;
        _options = options;
        _logger = loggerFactory.CreateLogger("control-plane");
        _source = new ManifestFolder(new ManifestFolderOptions { Folder = options.ManifestFolder }, _clock);
        _proxies = new ConnectedProxies(_clock, _logger);
        _discovery = new AggregatedDiscovery(_snapshots, _proxies, _clock, _stopping.Token);
    }

    /// <summary>Where proxies connect, with the real port where 0 was asked for.</summary>
    /// <exception cref="InvalidOperationException">The server is not started.</exception>
    public IPEndPoint Address => _address ?? throw new InvalidOperationException("the control plane is not started");

    /// <summary>What is wrong with the manifests, now and as it changes.</summary>
    public DiagnosticFeed Diagnostics { get; } = new();

    /// <summary>The proxies that are connected, and what they made of what they were sent; ordered by node id.</summary>
    public IReadOnlyCollection<ProxyStatus> Proxies => _proxies.Current;

    /// <summary>
    /// Reads the manifests, makes the first snapshot and begins to serve. Manifests that are wrong do not keep it from starting: see <see cref="Diagnostics"/>.
    /// </summary>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="DirectoryNotFoundException">The manifest folder does not exist.</exception>
    /// <exception cref="IOException">The address cannot be bound, or the files of TLS cannot be used; the message says why and what to do.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        var tls = _options.XdsTls is { } files ? new XdsTls(files, _clock, _logger) : null;
        _source.Objects.Apply([.. _options.InitialObjects.Select(static item => new ObjectChange(item.Key, item))]);
        _source.Start();
        var pipeline = new SnapshotPipeline(_source, _options, snapshot => _snapshots.Set(AggregatedDiscovery.Group, snapshot), Diagnostics, _logger, _clock);
        pipeline.PublishNow();

        _application = Build(tls);
        try
        {
            await _application.StartAsync(cancellationToken);
        }
        catch (Exception fault) when (fault is IOException or SocketException or AddressInUseException)
        {
            throw new IOException($"the xDS address {_options.XdsAddress} cannot be bound: {fault.Message.TrimEnd('.')}; choose another address or end the process that has it", fault);
        }

        var bound = _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        _address = new IPEndPoint(_options.XdsAddress.Address, new Uri(bound).Port);
        _logger.LogInformation("Serving xDS from {Folder} on {Address}{Tls}", _options.ManifestFolder, _address, tls is null ? "" : _options.XdsTls!.ClientAuthorityFile is null ? " by TLS" : " by mutual TLS");
        _pipeline = Task.Run(() => pipeline.RunAsync(_stopping.Token), CancellationToken.None);
    }

    /// <summary>Ends every stream and stops. Proxies go on with what they have.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        await _stopping.CancelAsync();
        try
        {
            await _pipeline;
        }
        catch (OperationCanceledException)
        {
            // As asked.
        }

        if (_application is not null)
        {
            using var moment = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await _application.StopAsync(moment.Token);
            await _application.DisposeAsync();
        }

        await _source.DisposeAsync();
        _stopping.Dispose();
    }

    private WebApplication Build(XdsTls? tls)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxConcurrentConnections = MaxConnections;
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
            options.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
            options.Listen(_options.XdsAddress, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (tls is not null)
                {
                    listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls.Options()) });
                }
            });
        });
        builder.Services.AddRouting();
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = MaxRequestBytes);
        builder.Services.AddSingleton(_discovery);

        // The process that hosts this server decides when it ends.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var application = builder.Build();
        application.MapGrpcService<AggregatedDiscovery>();
        return application;
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

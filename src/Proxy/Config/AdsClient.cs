using System.Collections.Immutable;
using System.Threading.Channels;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Grpc.Net.Client;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Keeps one aggregated discovery stream to the control plane. While there is none, the proxy serves what it has and tries again with
/// growing, jittered pauses; the loss is logged once, and so is the return.
/// </summary>
internal sealed partial class AdsClient : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly AdsTarget _target;
    private readonly AdsClientSession _session;
    private readonly ConfigurationState _state;
    private readonly DiscoveryApplication _application;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Random _jitter;
    private readonly StatRegistry _registry;
    private readonly Gauge _connected;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<bool> _subscriptionsChanged = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource _initialFetch = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> _fetched = new(StringComparer.Ordinal);
    private readonly bool _wantsClusters;
    private readonly bool _wantsListeners;
    private readonly bool _wantsRuntime;
    private ImmutableArray<string> _endpoints = [];
    private ImmutableArray<string> _routes = [];
    private ImmutableArray<string> _secrets = [];
    private Task _run = Task.CompletedTask;
    private bool _lossIsKnown;
    private bool _hasAnswered;

    public AdsClient(
        AdsTarget target, Node node, bool clusters, bool listeners, ImmutableArray<string> runtimeLayers, ConfigurationState state, DiscoveryApplication application,
        StatRegistry registry, TimeProvider time, ILogger logger)
    {
        _target = target;
        _session = new AdsClientSession(node);
        _wantsClusters = clusters;
        _wantsListeners = listeners;
        _state = state;
        _application = application;
        _registry = registry;
        _connected = registry.Gauge("control_plane.connected_state");
        _time = time;
        _logger = logger;
        _jitter = new Random((int)time.GetTimestamp());
        if (clusters)
        {
            _session.SubscribeToAll(XdsTypeUrls.Cluster);
        }

        if (listeners)
        {
            _session.SubscribeToAll(XdsTypeUrls.Listener);
        }

        _wantsRuntime = !runtimeLayers.IsEmpty;
        _session.Subscribe(XdsTypeUrls.Runtime, runtimeLayers);
        UpdateSubscriptions();
        SettleInitialFetch();
    }

    /// <summary>Completes when clusters, listeners and the runtime have been answered for the first time.</summary>
    public Task InitialFetch => _initialFetch.Task;

    public void Start()
    {
        _state.SubscriptionsChanged = () => _subscriptionsChanged.Writer.TryWrite(true);
        _run = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        _state.SubscriptionsChanged = null;
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var pause = FirstPause;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await StreamAsync(_stop.Token);
                TellLoss("the control plane ended the stream");
            }
            catch (RpcException error) when (!_stop.IsCancellationRequested)
            {
                // The detail is gRPC's view ("Error connecting to subchannel"); the cause below it says what to look for.
                TellLoss(error.Status.DebugException?.GetBaseException().Message ?? error.Status.Detail);
            }
            catch (Exception error) when (!_stop.IsCancellationRequested)
            {
                // Whatever it is, discovery must not end for good while traffic goes on.
                TellLoss(error.Message);
            }
            catch
            {
                return;
            }
            finally
            {
                _session.EndStream();
                _registry.Shared.Set(_connected, 0);
            }

            if (_stop.IsCancellationRequested)
            {
                return;
            }

            pause = _hasAnswered ? FirstPause : pause;
            _hasAnswered = false;
            try
            {
                // Full jitter between half and all of the pause: many proxies must not return in step.
                await Task.Delay(pause * (0.5 + (_jitter.NextDouble() / 2)), _time, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            pause = pause * 2 > LongestPause ? LongestPause : pause * 2;
        }
    }

    private async Task StreamAsync(CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectTimeout = _target.ConnectTimeout,
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        };
        if (_target.Tls is { } tls)
        {
            handler.SslOptions = tls.Options();
        }

        using var channel = GrpcChannel.ForAddress(_target.Next(), new GrpcChannelOptions { HttpHandler = handler, MaxReceiveMessageSize = 64 * 1024 * 1024 });
        var client = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(channel);
        using var call = client.StreamAggregatedResources(cancellationToken: cancellation);
        _session.BeginStream();
        UpdateSubscriptions();
        await SendDueAsync(call, cancellation);

        var response = call.ResponseStream.MoveNext(cancellation);
        var change = _subscriptionsChanged.Reader.WaitToReadAsync(cancellation).AsTask();
        while (true)
        {
            await Task.WhenAny(response, change);
            if (response.IsCompleted)
            {
                if (!await response)
                {
                    return;
                }

                Take(call.ResponseStream.Current);
                response = call.ResponseStream.MoveNext(cancellation);
            }

            if (change.IsCompleted)
            {
                await change;
                _subscriptionsChanged.Reader.TryRead(out _);
                change = _subscriptionsChanged.Reader.WaitToReadAsync(cancellation).AsTask();
                UpdateSubscriptions();
            }

            await SendDueAsync(call, cancellation);
        }
    }

    private void Take(DiscoveryResponse response)
    {
        _hasAnswered = true;
        if (_lossIsKnown)
        {
            _lossIsKnown = false;
            LogBack(_logger, _target.Text);
        }

        _registry.Shared.Set(_connected, 1);
        if (_session.Receive(response) is not { } update)
        {
            return;
        }

        var rejections = _application.Apply(update, ResourceOrigin.Wire);

        // Before the acknowledgement: the control plane then knows what the update made us ask for, and holds back what depends on it.
        UpdateSubscriptions();
        _session.Complete(update, rejections);
        _fetched.Add(update.TypeUrl);
        SettleInitialFetch();
    }

    private void SettleInitialFetch()
    {
        if ((!_wantsClusters || _fetched.Contains(XdsTypeUrls.Cluster))
            && (!_wantsListeners || _fetched.Contains(XdsTypeUrls.Listener))
            && (!_wantsRuntime || _fetched.Contains(XdsTypeUrls.Runtime)))
        {
            _initialFetch.TrySetResult();
        }
    }

    private void UpdateSubscriptions()
    {
        // Often called with nothing changed: with many clusters, comparing names each time would cost more than the update.
        if (_state.EndpointSubscriptions is var endpoints && endpoints != _endpoints)
        {
            _endpoints = endpoints;
            _session.Subscribe(XdsTypeUrls.ClusterLoadAssignment, endpoints);
        }

        if (_state.RouteSubscriptions is var routes && routes != _routes)
        {
            _routes = routes;
            _session.Subscribe(XdsTypeUrls.RouteConfiguration, routes);
        }

        if (_state.SecretSubscriptions is var secrets && secrets != _secrets)
        {
            _secrets = secrets;
            _session.Subscribe(XdsTypeUrls.Secret, secrets);
        }
    }

    private async Task SendDueAsync(AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> call, CancellationToken cancellation)
    {
        while (_session.TryNext() is { } request)
        {
            await call.RequestStream.WriteAsync(request, cancellation);
        }
    }

    private void TellLoss(string reason)
    {
        if (!_lossIsKnown)
        {
            _lossIsKnown = true;
            LogLost(_logger, _target.Text, reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "no control plane at {Address}: {Reason}; what is configured stays in force, trying again until it answers")]
    private static partial void LogLost(ILogger logger, string address, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "the control plane at {Address} answers again")]
    private static partial void LogBack(ILogger logger, string address);
}

/// <summary>Where the control plane is: one address or several, used in turn.</summary>
internal sealed class AdsTarget(IReadOnlyList<string> addresses, TimeSpan connectTimeout)
{
    private int _next;

    /// <summary>Longest wait for a connection.</summary>
    public TimeSpan ConnectTimeout => connectTimeout;

    /// <summary>How it is spoken to; null for plain text.</summary>
    public ControlPlaneTls? Tls { get; init; }

    /// <summary>All addresses, for people.</summary>
    public string Text => string.Join(", ", addresses);

    /// <summary>The address for the next attempt.</summary>
    public string Next() => (Tls is null ? "http://" : "https://") + addresses[_next++ % addresses.Count];
}

using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Keeps the one aggregated discovery stream to the control plane.</summary>
internal sealed class AdsClient : DiscoveryClient
{
    private readonly ConfigurationState _state;
    private readonly DiscoveryApplication _application;
    private readonly StatRegistry _registry;
    private readonly Gauge _connected;
    private readonly TaskCompletionSource _initialFetch = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> _fetched = new(StringComparer.Ordinal);
    private readonly bool _wantsClusters;
    private readonly bool _wantsListeners;
    private readonly bool _wantsRuntime;
    private ImmutableArray<string> _endpoints = [];
    private ImmutableArray<string> _routes = [];
    private ImmutableArray<string> _secrets = [];

    public AdsClient(
        DiscoveryTarget target, Node node, bool clusters, bool listeners, ImmutableArray<string> runtimeLayers, ConfigurationState state, DiscoveryApplication application,
        StatRegistry registry, TimeProvider time, ILogger logger)
        : base("control plane", target, node, time, logger)
    {
        _wantsClusters = clusters;
        _wantsListeners = listeners;
        _state = state;
        _application = application;
        _registry = registry;
        _connected = registry.Gauge("control_plane.connected_state");
        if (clusters)
        {
            Session.SubscribeToAll(XdsTypeUrls.Cluster);
        }

        if (listeners)
        {
            Session.SubscribeToAll(XdsTypeUrls.Listener);
        }

        _wantsRuntime = !runtimeLayers.IsEmpty;
        Session.Subscribe(XdsTypeUrls.Runtime, runtimeLayers);
        UpdateSubscriptions();
        SettleInitialFetch();
        state.SubscriptionsChanged += OnSubscriptionsChanged;
    }

    /// <summary>Completes when clusters, listeners and the runtime have been answered for the first time.</summary>
    public Task InitialFetch => _initialFetch.Task;

    public override ValueTask DisposeAsync()
    {
        _state.SubscriptionsChanged -= OnSubscriptionsChanged;
        return base.DisposeAsync();
    }

    protected override IDiscoveryCall Open(CallInvoker invoker, CancellationToken cancellation) =>
        new FullDiscoveryCall(new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(invoker).StreamAggregatedResources(cancellationToken: cancellation));

    protected override IReadOnlyList<AdsRejection> Apply(AdsUpdate update) => _application.Apply(update, ResourceOrigin.Wire);

    protected override void OnApplied(AdsUpdate update)
    {
        _fetched.Add(update.TypeUrl);
        SettleInitialFetch();
    }

    protected override void SetConnected(bool isConnected) => _registry.Shared.Set(_connected, isConnected ? 1 : 0);

    protected override void UpdateSubscriptions()
    {
        // Often called with nothing changed: with many clusters, comparing names each time would cost more than the update.
        if (_state.EndpointSubscriptions is var endpoints && endpoints != _endpoints)
        {
            _endpoints = endpoints;
            Session.Subscribe(XdsTypeUrls.ClusterLoadAssignment, endpoints);
        }

        if (_state.RouteSubscriptions is var routes && routes != _routes)
        {
            _routes = routes;
            Session.Subscribe(XdsTypeUrls.RouteConfiguration, routes);
        }

        if (_state.SecretSubscriptions is var secrets && secrets != _secrets)
        {
            _secrets = secrets;
            Session.Subscribe(XdsTypeUrls.Secret, secrets);
        }
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
}

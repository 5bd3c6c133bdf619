using System.Globalization;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using RouteConfigurationMessage = Envoy.Config.Route.V3.RouteConfiguration;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>The engine, configured by messages as a control plane sends them.</summary>
internal sealed class ConfiguredProxy : IAsyncDisposable
{
    private readonly AccessLogWriter _logs;

    public ConfiguredProxy()
    {
        _logs = new AccessLogWriter(Stats);
        Engine = new ProxyEngine(1, Stats, _logs, TimeProvider.System, NullLogger.Instance);
        State = new ConfigurationState(Engine, Stats, Clock, Log) { SubscriptionsChanged = () => SubscriptionChanges++ };
    }

    public StatRegistry Stats { get; } = new();

    public TimerClock Clock { get; } = new();

    public LogLines Log { get; } = new();

    public ProxyEngine Engine { get; }

    public ConfigurationState State { get; }

    public int SubscriptionChanges { get; private set; }

    public RuntimeSnapshot Snapshot => Engine.Snapshot;

    /// <summary>A cluster whose endpoints are discovered.</summary>
    public static ClusterMessage Discovered(string name, string more = "", string source = "ads: {}", string service = "") =>
        FromYaml.Message<ClusterMessage>($"{{name: {name}, type: EDS, eds_cluster_config: {{eds_config: {{{source}}}, service_name: '{service}'}}, {more}}}");

    /// <summary>A cluster with one endpoint on 127.0.0.1.</summary>
    public static ClusterMessage Static(string name, int port, string more = "") =>
        FromYaml.Message<ClusterMessage>($"{{name: {name}, type: STATIC, load_assignment: {Endpoints(name, port)}, {more}}}");

    public static ClusterLoadAssignment Assignment(string service, params int[] ports) => FromYaml.Message<ClusterLoadAssignment>(Endpoints(service, ports));

    /// <summary>A listener on 127.0.0.1 whose routes are discovered.</summary>
    public static Listener Discovering(string name, string routes, int port = 0, string source = "ads: {}") =>
        ListenerWith(name, port, $"rds: {{config_source: {{{source}}}, route_config_name: {routes}}}");

    /// <summary>A listener on 127.0.0.1 with its routes.</summary>
    public static Listener Inline(string name, string cluster, int port = 0) => ListenerWith(name, port, $"route_config: {RoutesText(name, cluster)}");

    public static RouteConfigurationMessage Routes(string name, string cluster) => FromYaml.Message<RouteConfigurationMessage>(RoutesText(name, cluster));

    public ApplyOutcome Clusters(params ClusterMessage[] clusters) => State.SetClusters(clusters, [], "1", ResourceOrigin.Wire);

    public ApplyOutcome Removed(params string[] clusters) => State.SetClusters([], clusters, "2", ResourceOrigin.Wire);

    public ApplyOutcome Assignments(params ClusterLoadAssignment[] assignments) => State.SetAssignments(assignments, "1", ResourceOrigin.Wire);

    public ApplyOutcome Listeners(params Listener[] listeners) => State.SetListeners(listeners, [], "1", ResourceOrigin.Wire);

    public ApplyOutcome RemovedListeners(params string[] listeners) => State.SetListeners([], listeners, "2", ResourceOrigin.Wire);

    public ApplyOutcome RouteTables(params RouteConfigurationMessage[] routes) => State.SetRoutes(routes, "1", ResourceOrigin.Wire);

    /// <summary>The ports of a cluster in force; null where it is not.</summary>
    public int[]? PortsOf(string cluster) =>
        Snapshot.Clusters.TryGetValue(cluster, out var found) ? [.. found.Endpoints.Select(static endpoint => endpoint.Config.Address.Port)] : null;

    public long Stat(string name) => Stats.Collect().Values.Single(value => value.Name == name).Value;

    public async ValueTask DisposeAsync()
    {
        State.Dispose();
        await Engine.DisposeAsync();
        _logs.Dispose();
    }

    private static string Endpoints(string name, params int[] ports) => string.Create(
        CultureInfo.InvariantCulture,
        $"{{cluster_name: {name}, endpoints: [{{lb_endpoints: [{string.Join(", ", ports.Select(static port => $"{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}"))}]}}]}}");

    private static string RoutesText(string name, string cluster) =>
        $"{{name: {name}, virtual_hosts: [{{name: all, domains: ['*'], routes: [{{match: {{prefix: /}}, route: {{cluster: {cluster}}}}}]}}]}}";

    private static Listener ListenerWith(string name, int port, string routes) => FromYaml.Message<Listener>($$$"""
        name: {{{name}}}
        address: {socket_address: {address: 127.0.0.1, port_value: {{{port}}} } }
        filter_chains:
        - filters:
          - name: http
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: {{{name}}}
              {{{routes}}}
              http_filters:
              - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
        """);
}

using System.Collections.Frozen;

namespace KubeProxyNet.Xds.Validation;

/// <summary>
/// Fields that our messages declare but the data plane does not act on yet. A configuration that sets one is refused, so that nobody relies
/// on what does not happen. Whoever makes the data plane act on a field takes its line out.
/// </summary>
internal static class FieldsNotActedOn
{
    private static readonly FrozenSet<string> Fields = new[]
    {
        "envoy.config.cluster.v3.Cluster.health_checks",
        "envoy.config.cluster.v3.Cluster.maglev_lb_config",
        "envoy.config.cluster.v3.Cluster.outlier_detection",
        "envoy.config.cluster.v3.Cluster.ring_hash_lb_config",
        "envoy.config.core.v3.SocketAddress.named_port",
        "envoy.config.core.v3.SocketAddress.resolver_name",
        "envoy.config.listener.v3.Listener.listener_filters",
        "envoy.config.route.v3.RouteAction.hash_policy",
        "envoy.config.route.v3.RouteAction.request_mirror_policies",
        "envoy.config.route.v3.RouteAction.retry_policy",
        "envoy.config.route.v3.RouteAction.upgrade_configs",
        "envoy.config.route.v3.RouteConfiguration.request_mirror_policies",
        "envoy.config.route.v3.RouteMatch.connect_matcher",
        "envoy.config.route.v3.VirtualHost.request_mirror_policies",
        "envoy.config.route.v3.VirtualHost.retry_policy",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.upgrade_configs",
    }.ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Messages = new[]
    {
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Whether a field is to be refused.</summary>
    /// <param name="field">Full name.</param>
    public static bool HasField(string field) => Fields.Contains(field);

    /// <summary>Whether a message in an <c>Any</c> is to be refused.</summary>
    /// <param name="message">Full name.</param>
    public static bool HasMessage(string message) => Messages.Contains(message);

    /// <summary>Every name of the tables, so that a test can hold them against the descriptors.</summary>
    internal static IEnumerable<string> All => Fields.Concat(Messages);
}

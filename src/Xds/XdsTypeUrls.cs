namespace KubeProxyNet.Xds;

/// <summary>
/// The type URLs of the resources that travel over the discovery protocol, as they stand in
/// <c>DiscoveryRequest.type_url</c> and in <c>Any.type_url</c>.
/// Source: Envoy, "xDS REST and gRPC protocol", section "Resource types".
/// </summary>
public static class XdsTypeUrls
{
    /// <summary>What every type URL starts with.</summary>
    public const string Prefix = "type.googleapis.com/";

    /// <summary>Clusters (CDS).</summary>
    public const string Cluster = Prefix + "envoy.config.cluster.v3.Cluster";

    /// <summary>Endpoints of a cluster (EDS).</summary>
    public const string ClusterLoadAssignment = Prefix + "envoy.config.endpoint.v3.ClusterLoadAssignment";

    /// <summary>Listeners (LDS).</summary>
    public const string Listener = Prefix + "envoy.config.listener.v3.Listener";

    /// <summary>Route configurations (RDS).</summary>
    public const string RouteConfiguration = Prefix + "envoy.config.route.v3.RouteConfiguration";

    /// <summary>Layers of the runtime (RTDS).</summary>
    public const string Runtime = Prefix + "envoy.service.runtime.v3.Runtime";

    /// <summary>Secrets (SDS).</summary>
    public const string Secret = Prefix + "envoy.extensions.transport_sockets.tls.v3.Secret";

    /// <summary>
    /// Every resource type in the order that makes before it breaks: clusters and their endpoints before the listeners
    /// and routes that point at them. Source: Envoy, "xDS REST and gRPC protocol", section "Eventual consistency considerations".
    /// </summary>
    public static IReadOnlyList<string> InServingOrder { get; } =
        [Cluster, ClusterLoadAssignment, Secret, Listener, RouteConfiguration];

    /// <summary>
    /// Whether a state-of-the-world response of this type holds the whole set, so that a resource it leaves out is gone.
    /// True of listeners and clusters; of the other types a response may hold any part of what was asked for.
    /// </summary>
    /// <param name="typeUrl">A type URL; one that is not known is not a full set.</param>
    public static bool IsFullStateOfTheWorld(string typeUrl) =>
        string.Equals(typeUrl, Listener, StringComparison.Ordinal) || string.Equals(typeUrl, Cluster, StringComparison.Ordinal);
}

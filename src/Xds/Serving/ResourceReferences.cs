using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Serving;

/// <summary>Finds the resources that a resource names.</summary>
internal static class ResourceReferences
{
    /// <summary>Each reference once.</summary>
    public static IReadOnlyList<XdsReference> Of(IMessage message) => message switch
    {
        Cluster { EdsClusterConfig: { } source, Type: Cluster.Types.DiscoveryType.Eds } cluster =>
            [new XdsReference(XdsTypeUrls.ClusterLoadAssignment, source.ServiceName.Length > 0 ? source.ServiceName : cluster.Name)],
        RouteConfiguration routes => [.. ClustersOf(routes).Distinct()],
        Listener listener => [.. ChainsOf(listener).SelectMany(chain => chain.Filters.SelectMany(OfFilter).Concat(OfTransportSocket(chain.TransportSocket))).Distinct()],
        _ => [],
    };

    private static IEnumerable<FilterChain> ChainsOf(Listener listener) =>
        listener.DefaultFilterChain is { } chain ? listener.FilterChains.Append(chain) : listener.FilterChains;

    private static IEnumerable<XdsReference> OfFilter(Filter filter)
    {
        if (filter.TypedConfig?.TryUnpack<HttpConnectionManager>(out var manager) != true)
        {
            return TcpClusters.Of(filter, ConfigPath.Root).Select(use => new XdsReference(XdsTypeUrls.Cluster, use.Cluster));
        }

        return manager.Rds is { } rds ? [new XdsReference(XdsTypeUrls.RouteConfiguration, rds.RouteConfigName)]
            : manager.RouteConfig is { } routes ? ClustersOf(routes)
            : [];
    }

    /// <summary>The secrets that are to come on the stream of the listener itself.</summary>
    private static IEnumerable<XdsReference> OfTransportSocket(TransportSocket? socket)
    {
        if (socket?.TypedConfig?.TryUnpack<DownstreamTlsContext>(out var tls) != true)
        {
            return [];
        }

        IEnumerable<SdsSecretConfig?> secrets =
        [
            .. tls.CommonTlsContext?.TlsCertificateSdsSecretConfigs ?? [],
            tls.CommonTlsContext?.ValidationContextSdsSecretConfig,
            tls.CommonTlsContext?.CombinedValidationContext?.ValidationContextSdsSecretConfig,
            tls.SessionTicketKeysSdsSecretConfig,
        ];
        return secrets.Where(static secret => secret?.SdsConfig?.Ads is not null).Select(static secret => new XdsReference(XdsTypeUrls.Secret, secret!.Name));
    }

    private static IEnumerable<XdsReference> ClustersOf(RouteConfiguration routes) =>
        RouteRules.ClusterNames(routes, ConfigPath.Root).Select(use => new XdsReference(XdsTypeUrls.Cluster, use.Cluster));
}

using System.Collections.Frozen;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Stream.V3;
using Envoy.Extensions.Clusters.Dns.V3;
using Envoy.Extensions.Filters.Http.Buffer.V3;
using Envoy.Extensions.Filters.Http.FileSystemBuffer.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Filters.Listener.HttpInspector.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Envoy.Extensions.Filters.Network.ConnectionLimit.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Extensions.HealthCheck.EventSinks.File.V3;
using Envoy.Extensions.Http.OriginalIpDetection.CustomHeader.V3;
using Envoy.Extensions.Http.OriginalIpDetection.Xff.V3;
using Envoy.Extensions.Http.StatefulSession.Cookie.V3;
using Envoy.Extensions.Http.StatefulSession.Header.V3;
using Envoy.Extensions.InternalRedirect.AllowListedRoutes.V3;
using Envoy.Extensions.InternalRedirect.PreviousRoutes.V3;
using Envoy.Extensions.InternalRedirect.SafeCrossScheme.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.Maglev.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3;
using Envoy.Extensions.LoadBalancingPolicies.Subset.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Envoy.Extensions.Network.DnsResolver.Cares.V3;
using Envoy.Extensions.Network.DnsResolver.Getaddrinfo.V3;
using Envoy.Extensions.Path.Match.UriTemplate.V3;
using Envoy.Extensions.Path.Rewrite.UriTemplate.V3;
using Envoy.Extensions.ResourceMonitors.CgroupMemory.V3;
using Envoy.Extensions.ResourceMonitors.DownstreamConnections.V3;
using Envoy.Extensions.ResourceMonitors.FixedHeap.V3;
using Envoy.Extensions.Retry.Host.OmitCanaryHosts.V3;
using Envoy.Extensions.Retry.Host.OmitHostMetadata.V3;
using Envoy.Extensions.Retry.Host.PreviousHosts.V3;
using Envoy.Extensions.Retry.Priority.PreviousPriorities.V3;
using Envoy.Extensions.TransportSockets.RawBuffer.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Service.Runtime.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.Reflection;
using Kpn.Filters.Listener.SourceConnectionLimit.V3;
using Kpn.LoadBalancingPolicies.PeakEwma.V3;
using Kpn.ResourceMonitors.SourceConnections.V3;

namespace KubeProxyNet.Xds;

/// <summary>The messages that may stand in an <c>Any</c>: the resources of the discovery protocol and the typed extension configurations.</summary>
public static class XdsTypes
{
    /// <summary>The messages that may stand in an <c>Any</c>, in no particular order.</summary>
    public static IReadOnlyList<MessageDescriptor> All { get; } =
    [
        AllowListedRoutesConfig.Descriptor,
        Envoy.Extensions.Filters.Http.Buffer.V3.Buffer.Descriptor,
        BufferPerRoute.Descriptor,
        CaresDnsResolverConfig.Descriptor,
        Cluster.Descriptor,
        ClusterLoadAssignment.Descriptor,
        CookieBasedSessionState.Descriptor,
        CustomHeaderConfig.Descriptor,
        DnsCluster.Descriptor,
        DownstreamTlsContext.Descriptor,
        FileAccessLog.Descriptor,
        FileSystemBufferFilterConfig.Descriptor,
        CgroupMemoryConfig.Descriptor,
        ConnectionLimit.Descriptor,
        DownstreamConnectionsConfig.Descriptor,
        FilterConfig.Descriptor,
        FixedHeapConfig.Descriptor,
        Envoy.Extensions.Filters.Http.GrpcStats.V3.FilterConfig.Descriptor,
        Envoy.Extensions.Filters.Http.GrpcHttp1Bridge.V3.Config.Descriptor,
        Envoy.Extensions.Filters.Http.GrpcWeb.V3.GrpcWeb.Descriptor,
        GetAddrInfoDnsResolverConfig.Descriptor,
        HeaderBasedSessionState.Descriptor,
        HealthCheckEventFileSink.Descriptor,
        Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions.Descriptor,
        HttpConnectionManager.Descriptor,
        HttpInspector.Descriptor,
        HttpRequestHeaderMatchInput.Descriptor,
        HttpRequestQueryParamMatchInput.Descriptor,
        Envoy.Extensions.Matching.InputMatchers.Ip.V3.Ip.Descriptor,
        global::Xds.Type.Matcher.V3.IPMatcher.Descriptor,
        LeastRequest.Descriptor,
        Listener.Descriptor,
        Maglev.Descriptor,
        OmitCanaryHostsPredicate.Descriptor,
        OmitHostMetadataConfig.Descriptor,
        PeakEwma.Descriptor,
        PreviousHostsPredicate.Descriptor,
        PreviousPrioritiesConfig.Descriptor,
        PreviousRoutesConfig.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random.Descriptor,
        RawBuffer.Descriptor,
        RingHash.Descriptor,
        RoundRobin.Descriptor,
        Route.Descriptor,
        RouteConfiguration.Descriptor,
        RouteList.Descriptor,
        Router.Descriptor,
        StatefulSession.Descriptor,
        StatefulSessionPerRoute.Descriptor,
        Subset.Descriptor,
        Runtime.Descriptor,
        SafeCrossSchemeConfig.Descriptor,
        Secret.Descriptor,
        SourceConnectionLimit.Descriptor,
        SourceConnectionsConfig.Descriptor,
        SPIFFECertValidatorConfig.Descriptor,
        StderrAccessLog.Descriptor,
        StdoutAccessLog.Descriptor,
        TcpProxy.Descriptor,
        TlsInspector.Descriptor,
        UpstreamTlsContext.Descriptor,
        UriTemplateMatchConfig.Descriptor,
        UriTemplateRewriteConfig.Descriptor,
        WrrLocality.Descriptor,
        XffConfig.Descriptor,
    ];

    /// <summary>The same messages as a registry, for unpacking an <c>Any</c> and for protobuf's JSON formatter.</summary>
    public static TypeRegistry Registry { get; } = TypeRegistry.FromMessages(All);

    // The registry also finds what the messages are made of; those have no business in an Any.
    private static readonly FrozenDictionary<string, MessageDescriptor> ByName =
        All.ToFrozenDictionary(message => message.FullName, StringComparer.Ordinal);

    /// <summary>The message that a type URL names.</summary>
    /// <param name="typeUrl">A type URL; what stands before the last slash is not looked at.</param>
    /// <returns>The descriptor; null where this build does not know the message or it is not one for an <c>Any</c>.</returns>
    public static MessageDescriptor? Find(string typeUrl)
    {
        ArgumentNullException.ThrowIfNull(typeUrl);
        return ByName.GetValueOrDefault(typeUrl[(typeUrl.LastIndexOf('/') + 1)..]);
    }
}

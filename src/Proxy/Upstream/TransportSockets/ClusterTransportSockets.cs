using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Proxy.Upstream.HealthChecking;

namespace KubeProxyNet.Proxy.Upstream.TransportSockets;

/// <summary>
/// How a cluster's endpoints are spoken to, with secrets in place. Stands beside <see cref="ClusterConfig"/> and not in it: a new certificate is for new
/// connections, and those that are open live on.
/// </summary>
public sealed record ClusterTransportSockets
{
    /// <summary>Plain text to all.</summary>
    public static ClusterTransportSockets PlainText { get; } = new();

    /// <summary>For endpoints that none of <see cref="Matches"/> fits; null for plain text.</summary>
    public UpstreamTlsConfig? Default { get; init; }

    /// <summary>For endpoints whose metadata fit: the first of these (<c>transport_socket_matches</c>).</summary>
    public ValueList<TransportSocketMatch> Matches { get; init; } = ValueList<TransportSocketMatch>.Empty;

    /// <summary>All settings that endpoints may be spoken to by.</summary>
    public IEnumerable<UpstreamTlsConfig> All => Matches.Select(static match => match.Tls).Append(Default).OfType<UpstreamTlsConfig>();

    /// <summary>How an endpoint is spoken to; null for plain text. Its own metadata go before those of its locality.</summary>
    public UpstreamTlsConfig? Of(EndpointConfig endpoint) => Of(endpoint.TransportSocketMetadata, endpoint.LocalityTransportSocketMetadata);

    /// <summary>How an endpoint is spoken to when it is checked; null for plain text.</summary>
    public UpstreamTlsConfig? Of(EndpointConfig endpoint, HealthCheckConfig check)
    {
        var tls = check.TransportSocketCriteria is { } criteria ? Of(criteria, null) : Of(endpoint);
        return tls is null ? null : ForChecks(tls, check);
    }

    /// <summary>The name of the match by which an endpoint is spoken to; <c>default</c> where none fits, as in Envoy's statistics.</summary>
    public string MatchNameOf(EndpointConfig endpoint) => Match(endpoint.TransportSocketMetadata, endpoint.LocalityTransportSocketMetadata)?.Name ?? "default";

    /// <summary>Settings as checks use them.</summary>
    public static UpstreamTlsConfig ForChecks(UpstreamTlsConfig tls, HealthCheckConfig check) =>
        check.AlpnProtocols.Count == 0 ? tls : tls with { AlpnProtocols = check.AlpnProtocols };

    private UpstreamTlsConfig? Of(EndpointMetadata? own, EndpointMetadata? ofLocality)
    {
        var match = Match(own, ofLocality);
        return match is null ? Default : match.Tls;
    }

    private TransportSocketMatch? Match(EndpointMetadata? own, EndpointMetadata? ofLocality) => Matches.Count == 0
        ? null
        : Matches.FirstOrDefault(match => match.Fits(own)) ?? Matches.FirstOrDefault(match => match.Fits(ofLocality));
}

/// <summary>How endpoints with certain metadata are spoken to: Envoy's <c>Cluster.TransportSocketMatch</c>.</summary>
/// <param name="Name">Its name, for people.</param>
/// <param name="Criteria">What their metadata under <c>envoy.transport_socket_match</c> must say; nothing fits all.</param>
/// <param name="Tls">How they are spoken to; null for plain text.</param>
public sealed record TransportSocketMatch(string Name, MetadataMatch Criteria, UpstreamTlsConfig? Tls)
{
    /// <summary>True where metadata fit.</summary>
    /// <param name="metadata">Null for none.</param>
    public bool Fits(EndpointMetadata? metadata) =>
        Criteria.Labels.All(label => metadata?.ValuesOf(label.Key, listAsAny: false) is [var value] && value == label.Value);
}

using System.Collections.Immutable;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns a cluster into what the engine runs.</summary>
internal static class ClusterTranslator
{
    private const string HttpOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    private static readonly TimeSpan DefaultDnsRefresh = TimeSpan.FromSeconds(5);

    /// <summary>The cluster; null where it cannot be used, which <paramref name="problems"/> then tells.</summary>
    /// <param name="message">A cluster that passed the checks of its schema.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="allowHttp2">True for the cluster of the control plane, which is spoken to by gRPC.</param>
    public static TranslatedCluster? Translate(ClusterMessage message, TranslationProblems problems, bool allowHttp2 = false)
    {
        var before = problems.Found.Count;
        var http = CommonHttpOptions(message, problems, allowHttp2);
        if (message.TransportSocket is { } socket && socket.TypedConfig?.TypeUrl.EndsWith(".RawBuffer", StringComparison.Ordinal) != true)
        {
            problems.Add(ConfigPath.Root.Field("transport_socket"), "only plain text to upstreams is supported", "remove it, or use raw_buffer");
        }

        var config = new ClusterConfig
        {
            Name = message.Name,
            AltStatName = message.AltStatName,
            LoadBalancing = Policy(message, problems),
            ChoiceCount = (int)Math.Clamp(message.LeastRequestLbConfig?.ChoiceCount ?? 2u, 2u, 16u),
            ConnectTimeout = message.ConnectTimeout?.ToTimeSpan() ?? TimeSpan.FromSeconds(5),
            IdleTimeout = http?.IdleTimeout?.ToTimeSpan() ?? TimeSpan.FromHours(1),
            MaxRequestsPerConnection = (int)Math.Min(http?.MaxRequestsPerConnection ?? 0u, int.MaxValue),
        };
        var source = message.Type switch
        {
            ClusterMessage.Types.DiscoveryType.Eds => EndpointSource.Discovery,
            ClusterMessage.Types.DiscoveryType.StrictDns => EndpointSource.StrictDns,
            ClusterMessage.Types.DiscoveryType.LogicalDns => EndpointSource.LogicalDns,
            ClusterMessage.Types.DiscoveryType.Static => EndpointSource.Static,
            _ => Unsupported(problems, message.Type),
        };
        var endpoints = ImmutableArray<EndpointConfig>.Empty;
        var targets = ImmutableArray<DnsTarget>.Empty;
        var place = ConfigPath.Root.Field("load_assignment");
        if (source == EndpointSource.Static && message.LoadAssignment is { } assignment)
        {
            endpoints = EndpointTranslator.Translate(assignment, problems, place) ?? [];
        }
        else if (source is EndpointSource.StrictDns or EndpointSource.LogicalDns && message.LoadAssignment is { } names)
        {
            targets = EndpointTranslator.DnsTargets(names, problems, place);
        }

        var service = source == EndpointSource.Discovery ? ServiceName(message) : "";
        return problems.Found.Count > before
            ? null
            : new TranslatedCluster(config, source, endpoints, service, targets, message.DnsRefreshRate?.ToTimeSpan() ?? DefaultDnsRefresh);
    }

    private static string ServiceName(ClusterMessage message) =>
        message.EdsClusterConfig?.ServiceName is { Length: > 0 } name ? name : message.Name;

    private static EndpointSource Unsupported(TranslationProblems problems, ClusterMessage.Types.DiscoveryType type)
    {
        problems.Add(ConfigPath.Root.Field("type"), $"{type} is not supported", "use STATIC, EDS, STRICT_DNS or LOGICAL_DNS");
        return EndpointSource.Static;
    }

    private static LoadBalancingPolicy Policy(ClusterMessage message, TranslationProblems problems)
    {
        switch (message.LbPolicy)
        {
            case ClusterMessage.Types.LbPolicy.RoundRobin:
                return LoadBalancingPolicy.RoundRobin;
            case ClusterMessage.Types.LbPolicy.LeastRequest:
                return LoadBalancingPolicy.LeastRequest;
            case ClusterMessage.Types.LbPolicy.Random:
                return LoadBalancingPolicy.Random;
            default:
                problems.Add(ConfigPath.Root.Field("lb_policy"), $"{message.LbPolicy} is not supported", "use ROUND_ROBIN, LEAST_REQUEST or RANDOM");
                return LoadBalancingPolicy.RoundRobin;
        }
    }

    private static Envoy.Config.Core.V3.HttpProtocolOptions? CommonHttpOptions(ClusterMessage message, TranslationProblems problems, bool allowHttp2)
    {
        var path = ConfigPath.Root.Field("typed_extension_protocol_options").Key(HttpOptionsKey);
        HttpProtocolOptions? typed = null;
        if (message.TypedExtensionProtocolOptions.TryGetValue(HttpOptionsKey, out var any))
        {
            any.TryUnpack(out typed);
        }

        var wantsHttp2 = message.Http2ProtocolOptions is not null
            || typed?.ExplicitHttpConfig?.Http2ProtocolOptions is not null
            || typed?.UseDownstreamProtocolConfig is not null;
        if (wantsHttp2 && !allowHttp2)
        {
            problems.Add(path, "HTTP/2 to upstreams is not supported", "use explicit_http_config with http_protocol_options");
        }

        return typed?.CommonHttpProtocolOptions ?? message.CommonHttpProtocolOptions;
    }
}

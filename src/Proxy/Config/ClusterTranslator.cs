using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns a cluster into what the engine runs.</summary>
internal static class ClusterTranslator
{
    private const string HttpOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    /// <summary>The longest head of a response, in KiB: it waits for its rest in one block, with room for what comes behind it.</summary>
    private const int MaxHeadKilobytes = 96;

    /// <summary>Envoy's default for HTTP/1 (its runtime key is not read).</summary>
    private const int DefaultHeadKilobytes = 80;

    private const int MaxFields = 10_000;

    /// <summary>The cluster; null where it cannot be used, which <paramref name="problems"/> then tells.</summary>
    /// <param name="message">A cluster that passed the checks of its schema.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="allowHttp2">True for the cluster of the control plane, which is spoken to by gRPC.</param>
    /// <param name="now">The time that certificates must be valid at; null for the system's.</param>
    public static TranslatedCluster? Translate(ClusterMessage message, TranslationProblems problems, bool allowHttp2 = false, DateTimeOffset? now = null)
    {
        var before = problems.Found.Count;
        var http = CommonHttpOptions(message, problems, allowHttp2, out var upstream);

        // That of the control plane is looked at where its address is.
        var sockets = allowHttp2 ? ClusterSocketsPlan.PlainText : ClusterSocketsPlan.Of(message, now ?? TimeProvider.System.GetUtcNow(), problems);
        var config = new ClusterConfig
        {
            Name = message.Name,
            AltStatName = message.AltStatName,
            ConnectTimeout = message.ConnectTimeout?.ToTimeSpan() ?? TimeSpan.FromSeconds(5),
            IdleTimeout = http?.IdleTimeout?.ToTimeSpan() ?? TimeSpan.FromHours(1),
            DefaultThresholds = CircuitBreakerTranslator.Translate(message.CircuitBreakers, RoutingPriority.Default),
            HighThresholds = CircuitBreakerTranslator.Translate(message.CircuitBreakers, RoutingPriority.High),
            OutlierDetection = OutlierDetectionTranslator.Translate(message.OutlierDetection, problems, ConfigPath.Root.Field("outlier_detection")),
            MaxResponseHeadBytes = (int)Limit(http?.MaxResponseHeadersKb ?? DefaultHeadKilobytes, MaxHeadKilobytes, "max_response_headers_kb", problems) * 1024,
            MaxResponseFields = (int)Limit(http?.MaxHeadersCount ?? HeadParser.DefaultMaxFields, MaxFields, "max_headers_count", problems),
            MaxRequestsPerConnection = (int)Math.Min(http?.MaxRequestsPerConnection ?? 0u, int.MaxValue),
            TransportSockets = sockets.Identity,
            AutoSni = upstream?.AutoSni ?? false,
            AutoSanValidation = upstream?.AutoSanValidation ?? false,
            OverrideAutoSniHeader = upstream?.OverrideAutoSniHeader.ToLowerInvariant() ?? "",
        };
        CircuitBreakerTranslator.CheckPerHost(message.CircuitBreakers, problems, ConfigPath.Root.Field("circuit_breakers"));
        config = LoadBalancingTranslator.Translate(config, message, problems);
        config = config with
        {
            HealthCheck = HealthCheckTranslator.Translate(message, problems),
            OverrideHostStatus = OverrideHostStatusOf(message.CommonLbConfig?.OverrideHostStatus),
            IgnoresNewHostsUntilFirstCheck = message.CommonLbConfig?.IgnoreNewHostsUntilFirstHc == true,
        };
        var source = ClusterTypes.Of(message) switch
        {
            ClusterMessage.Types.DiscoveryType.Eds => EndpointSource.Discovery,
            ClusterMessage.Types.DiscoveryType.StrictDns => EndpointSource.StrictDns,
            ClusterMessage.Types.DiscoveryType.LogicalDns => EndpointSource.LogicalDns,
            ClusterMessage.Types.DiscoveryType.Static => EndpointSource.Static,
            _ => Unsupported(problems, message.Type),
        };
        config = config with
        {
            KeepsPassingHosts = config.HealthCheck is not null && source is EndpointSource.Discovery or EndpointSource.StrictDns && !message.IgnoreHealthOnHostRemoval,
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
            targets = EndpointTranslator.DnsTargets(names, problems, place, isLogical: source == EndpointSource.LogicalDns);
        }

        var service = source == EndpointSource.Discovery ? ServiceName(message, problems) : "";
        var dns = DnsSettingsTranslator.Translate(message, problems);
        return problems.Found.Count > before
            ? null
            : new TranslatedCluster(config, source, endpoints, service, targets, dns, ResourceTimeouts.InitialFetch(message.EdsClusterConfig?.EdsConfig))
            {
                Policy = EndpointTranslator.PolicyOf(message.LoadAssignment),
                Sockets = sockets,
            };
    }

    private static uint Limit(uint value, uint most, string field, TranslationProblems problems)
    {
        if (value > most)
        {
            problems.Add(ConfigPath.Root.Field("common_http_protocol_options").Field(field), $"{value} is more than {most}", $"write a number from 1 to {most}");
        }

        return value;
    }

    private static bool IsOfToken(char character) => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character, StringComparison.Ordinal);

    private static HealthStatuses OverrideHostStatusOf(HealthStatusSet? message) => message is null
        ? HealthStatuses.Usable
        : message.Statuses.Aggregate(HealthStatuses.None, static (all, status) => all | (HealthStatuses)(1 << (int)status));

    private static string ServiceName(ClusterMessage message, TranslationProblems problems)
    {
        if (message.EdsClusterConfig?.EdsConfig?.ConfigSourceSpecifierCase != ConfigSource.ConfigSourceSpecifierOneofCase.Ads)
        {
            problems.Add(ConfigPath.Root.Field("eds_cluster_config").Field("eds_config"), "endpoints are discovered over ADS only", "write \"ads: {}\"");
        }

        return message.EdsClusterConfig?.ServiceName is { Length: > 0 } name ? name : message.Name;
    }

    private static EndpointSource Unsupported(TranslationProblems problems, ClusterMessage.Types.DiscoveryType type)
    {
        problems.Add(ConfigPath.Root.Field("type"), $"{type} is not supported", "use STATIC, EDS, STRICT_DNS or LOGICAL_DNS");
        return EndpointSource.Static;
    }

    private static Envoy.Config.Core.V3.HttpProtocolOptions? CommonHttpOptions(ClusterMessage message, TranslationProblems problems, bool allowHttp2, out UpstreamHttpProtocolOptions? upstream)
    {
        var options = ConfigPath.Root.Field("typed_extension_protocol_options");
        foreach (var key in message.TypedExtensionProtocolOptions.Keys.Where(static key => key != HttpOptionsKey))
        {
            problems.Add(options.Key(key), "names no protocol that is known here", $"use the key \"{HttpOptionsKey}\"");
        }

        var path = options.Key(HttpOptionsKey);
        HttpProtocolOptions? typed = null;
        if (message.TypedExtensionProtocolOptions.TryGetValue(HttpOptionsKey, out var any))
        {
            any.TryUnpack(out typed);
        }

        upstream = typed?.UpstreamHttpProtocolOptions;
        if (upstream?.OverrideAutoSniHeader.Any(static character => !IsOfToken(character)) == true)
        {
            problems.Add(path.Field("upstream_http_protocol_options").Field("override_auto_sni_header"), $"\"{upstream.OverrideAutoSniHeader}\" is no name of a header field", "write one such as x-host");
        }

        if (!allowHttp2 && message.Http2ProtocolOptions is not null)
        {
            problems.Add(ConfigPath.Root.Field("http2_protocol_options"), "HTTP/2 to upstreams is not supported", "remove it");
        }

        if (!allowHttp2 && typed?.ExplicitHttpConfig?.Http2ProtocolOptions is not null)
        {
            problems.Add(path.Field("explicit_http_config").Field("http2_protocol_options"), "HTTP/2 to upstreams is not supported", "use http_protocol_options");
        }

        if (typed?.AutoConfig is not null)
        {
            problems.Add(path.Field("auto_config"), "the choice by ALPN is between HTTP/1.1 and HTTP/2, and HTTP/2 is not spoken to upstreams", "use explicit_http_config with http_protocol_options");
        }

        // What downstream speaks is HTTP/1.1 always, so use_downstream_protocol_config means that as well.
        return typed?.CommonHttpProtocolOptions ?? message.CommonHttpProtocolOptions;
    }
}

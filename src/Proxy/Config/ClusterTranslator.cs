using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns a cluster into what the engine runs.</summary>
internal static class ClusterTranslator
{
    /// <summary>The cluster; null where it cannot be used, which <paramref name="problems"/> then tells.</summary>
    /// <param name="message">A cluster that passed the checks of its schema.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="isControlPlane">True for the cluster of the control plane, which is spoken to by gRPC of another make.</param>
    /// <param name="now">The time that certificates must be valid at; null for the system's.</param>
    public static TranslatedCluster? Translate(ClusterMessage message, TranslationProblems problems, bool isControlPlane = false, DateTimeOffset? now = null)
    {
        var before = problems.Found.Count;

        // That of the control plane is looked at where its address is.
        var sockets = isControlPlane ? ClusterSocketsPlan.PlainText : ClusterSocketsPlan.Of(message, now ?? TimeProvider.System.GetUtcNow(), problems);
        var config = new ClusterConfig
        {
            Name = message.Name,
            AltStatName = message.AltStatName,
            ConnectTimeout = message.ConnectTimeout?.ToTimeSpan() ?? TimeSpan.FromSeconds(5),
            DefaultThresholds = CircuitBreakerTranslator.Translate(message.CircuitBreakers, RoutingPriority.Default),
            HighThresholds = CircuitBreakerTranslator.Translate(message.CircuitBreakers, RoutingPriority.High),
            OutlierDetection = OutlierDetectionTranslator.Translate(message.OutlierDetection, problems, ConfigPath.Root.Field("outlier_detection")),
            TransportSockets = sockets.Identity,
        };
        config = new UpstreamHttpTranslator(message, problems).Translate(config);
        CircuitBreakerTranslator.CheckPerHost(message.CircuitBreakers, problems, ConfigPath.Root.Field("circuit_breakers"));
        config = LoadBalancingTranslator.Translate(config, message, problems);
        config = config with
        {
            HealthCheck = HealthCheckTranslator.Translate(message, speaksHttp2: config.Protocol is UpstreamProtocol.Http2 or UpstreamProtocol.Auto, problems),
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

        var (service, file) = source == EndpointSource.Discovery ? ServiceOf(message, problems) : ("", null);
        var dns = DnsSettingsTranslator.Translate(message, problems);
        return problems.Found.Count > before
            ? null
            : new TranslatedCluster(config, source, endpoints, service, targets, dns, ResourceTimeouts.InitialFetch(message.EdsClusterConfig?.EdsConfig))
            {
                Policy = EndpointTranslator.PolicyOf(message.LoadAssignment),
                Sockets = sockets,
                File = file,
            };
    }

    private static HealthStatuses OverrideHostStatusOf(HealthStatusSet? message) => message is null
        ? HealthStatuses.Usable
        : message.Statuses.Aggregate(HealthStatuses.None, static (all, status) => all | (HealthStatuses)(1 << (int)status));

    private static (string Name, EndpointFile? File) ServiceOf(ClusterMessage message, TranslationProblems problems)
    {
        var source = message.EdsClusterConfig?.EdsConfig;
        var place = ConfigPath.Root.Field("eds_cluster_config").Field("eds_config");
        var file = EndpointFile.Of(source, problems, place);
        if (source?.ConfigSourceSpecifierCase is not (ConfigSource.ConfigSourceSpecifierOneofCase.Ads
            or ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource or ConfigSource.ConfigSourceSpecifierOneofCase.Path))
        {
            problems.Add(place, "this source is not supported", "use \"ads: {}\" or path_config_source");
        }

        return (message.EdsClusterConfig?.ServiceName is { Length: > 0 } name ? name : message.Name, file);
    }

    private static EndpointSource Unsupported(TranslationProblems problems, ClusterMessage.Types.DiscoveryType type)
    {
        problems.Add(ConfigPath.Root.Field("type"), $"{type} is not supported", "use STATIC, EDS, STRICT_DNS or LOGICAL_DNS");
        return EndpointSource.Static;
    }
}

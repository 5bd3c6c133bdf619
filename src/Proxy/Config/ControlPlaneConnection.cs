using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Reads from the bootstrap where listeners and clusters are discovered.</summary>
internal sealed record ControlPlaneConnection(DiscoveryTarget? Ads, bool ClustersOverAds, bool ListenersOverAds, string? ClusterFile, string? ListenerFile, TimeSpan InitialFetchTimeout)
{
    /// <summary>The folder whose changes say that <c>ClusterFile</c> is to be read again; null for its own.</summary>
    public string? ClusterFolder { get; init; }

    /// <summary>The folder whose changes say that <c>ListenerFile</c> is to be read again; null for its own.</summary>
    public string? ListenerFolder { get; init; }

    /// <summary>The names of the static clusters that are the control plane, which gRPC speaks to and not the engine.</summary>
    public static HashSet<string> ClusterNames(Bootstrap bootstrap) =>
        bootstrap.DynamicResources?.AdsConfig?.GrpcServices.Select(static service => service.EnvoyGrpc?.ClusterName).OfType<string>()
            .ToHashSet(StringComparer.Ordinal) ?? [];

    /// <summary>Reads it.</summary>
    /// <param name="bootstrap">The bootstrap.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="time">The clock that certificates are held against; null for the system's.</param>
    public static ControlPlaneConnection Of(Bootstrap bootstrap, TranslationProblems problems, TimeProvider? time = null)
    {
        var dynamic = bootstrap.DynamicResources;
        var path = ConfigPath.Root.Field("dynamic_resources");
        if (dynamic is null)
        {
            return new ControlPlaneConnection(null, false, false, null, null, Timeout.InfiniteTimeSpan);
        }

        var ads = dynamic.AdsConfig is null ? null : AdsOf(bootstrap, dynamic.AdsConfig, problems, path.Field("ads_config"), time ?? TimeProvider.System);
        var clusters = SourceOf(dynamic.CdsConfig, problems, path.Field("cds_config"));
        var listeners = SourceOf(dynamic.LdsConfig, problems, path.Field("lds_config"));
        if ((clusters.Ads || listeners.Ads) && dynamic.AdsConfig is null)
        {
            problems.Add(path.Field("ads_config"), "\"ads_config\" is missing, but discovery is to go over ADS", "add it, or give a path_config_source");
        }

        return new ControlPlaneConnection(ads, clusters.Ads, listeners.Ads, clusters.File, listeners.File, TimeoutOf(dynamic.CdsConfig, dynamic.LdsConfig))
        {
            ClusterFolder = dynamic.CdsConfig?.PathConfigSource?.WatchedDirectory?.Path,
            ListenerFolder = dynamic.LdsConfig?.PathConfigSource?.WatchedDirectory?.Path,
        };
    }

    // Clusters and listeners are asked for at the same time here, so the longer of the two waits is the wait for both.
    private static TimeSpan TimeoutOf(ConfigSource? clusters, ConfigSource? listeners)
    {
        TimeSpan[] timeouts = [.. new[] { clusters, listeners }.OfType<ConfigSource>().Select(ResourceTimeouts.InitialFetch)];
        return timeouts.Length == 0 || timeouts.Contains(Timeout.InfiniteTimeSpan) ? Timeout.InfiniteTimeSpan : timeouts.Max();
    }

    private static (bool Ads, string? File) SourceOf(ConfigSource? source, TranslationProblems problems, ConfigPath path)
    {
        switch (source?.ConfigSourceSpecifierCase)
        {
            case null:
                return (false, null);
            case ConfigSource.ConfigSourceSpecifierOneofCase.Ads:
                return (true, null);
            case ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource:
                if (source.PathConfigSource.WatchedDirectory is { } watched && !Directory.Exists(watched.Path))
                {
                    problems.Add(path.Field("path_config_source").Field("watched_directory").Field("path"), $"\"{watched.Path}\" is no directory", "name one that exists");
                }

                return (false, source.PathConfigSource.Path);
            case ConfigSource.ConfigSourceSpecifierOneofCase.Path:
                return (false, source.Path);
            default:
                problems.Add(path, "this source is not supported", "use \"ads: {}\" or path_config_source");
                return (false, null);
        }
    }

    private static DiscoveryTarget? AdsOf(Bootstrap bootstrap, ApiConfigSource source, TranslationProblems problems, ConfigPath path, TimeProvider time)
    {
        if (source.ApiType != ApiConfigSource.Types.ApiType.Grpc)
        {
            problems.Add(path.Field("api_type"), $"{source.ApiType} is not supported", "use GRPC");
        }

        if (source.GrpcServices.Count != 1)
        {
            problems.Add(path.Field("grpc_services"), $"there are {source.GrpcServices.Count} services", "give exactly one");
            return null;
        }

        return DiscoveryTarget.Of(bootstrap, source.GrpcServices[0], problems, path.Field("grpc_services").Index(0), time);
    }
}

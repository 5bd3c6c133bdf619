using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Proxy;

/// <summary>How a proxy is started.</summary>
public sealed record ProxyOptions
{
    /// <summary>The bootstrap, already loaded and checked.</summary>
    public required Bootstrap Bootstrap { get; init; }

    /// <summary>The file it came from, for messages; empty where it was made in the process.</summary>
    public string ConfigPath { get; init; } = "";

    /// <summary>Where the bootstrap stands in its file, so that faults name their line; null where it was made in the process. Let go of after the start.</summary>
    public ConfigPlaces? Places { get; init; }

    /// <summary>Number of workers; 0 (the default) for one a granted CPU.</summary>
    public int Concurrency { get; init; }

    /// <summary>Node id, over the bootstrap's; null to keep that.</summary>
    public string? ServiceNode { get; init; }

    /// <summary>Node cluster, over the bootstrap's; null to keep that.</summary>
    public string? ServiceCluster { get; init; }

    /// <summary>File that takes the admin page's address once it is bound; null for none.</summary>
    public string? AdminAddressPath { get; init; }

    /// <summary>Longest wait for running requests at the end; Envoy's default of 600 s.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(600);
}

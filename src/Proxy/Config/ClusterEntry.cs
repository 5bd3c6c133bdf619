using System.Collections.Immutable;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Upstream;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Where a cluster's endpoints come from.</summary>
internal enum EndpointSource
{
    /// <summary>They stand in the cluster.</summary>
    Static,

    /// <summary>The endpoint discovery service.</summary>
    Discovery,

    /// <summary>DNS: every address of every name.</summary>
    StrictDns,

    /// <summary>DNS: one address of one name.</summary>
    LogicalDns,
}

/// <summary>A cluster as translated, before its endpoints are known.</summary>
/// <param name="Config">Settings.</param>
/// <param name="Source">Where endpoints come from.</param>
/// <param name="Endpoints">The endpoints of a static cluster; empty otherwise.</param>
/// <param name="ServiceName">What is asked of endpoint discovery; empty otherwise.</param>
/// <param name="DnsTargets">What is resolved; empty otherwise.</param>
/// <param name="Dns">How names are resolved.</param>
/// <param name="EndpointsTimeout">How long discovered endpoints are waited for; infinite for as long as it takes.</param>
internal sealed record TranslatedCluster(
    ClusterConfig Config,
    EndpointSource Source,
    ImmutableArray<EndpointConfig> Endpoints,
    string ServiceName,
    ImmutableArray<DnsTarget> DnsTargets,
    DnsSettings Dns,
    TimeSpan EndpointsTimeout)
{
    /// <summary>The file that endpoints are discovered in; null for the aggregated stream.</summary>
    public EndpointFile? File { get; init; }

    /// <summary>What endpoints are asked for by, for a cluster that discovers them.</summary>
    public EndpointService Service => new(ServiceName, File);

    /// <summary>How the health of endpoints becomes load, where they do not come from discovery.</summary>
    public AssignmentPolicy Policy { get; init; } = AssignmentPolicy.Default;

    /// <summary>How endpoints are spoken to.</summary>
    public ClusterSocketsPlan Sockets { get; init; } = ClusterSocketsPlan.PlainText;
}

/// <summary>A cluster that was accepted, and whether its endpoints are known.</summary>
internal sealed class ClusterEntry(ClusterMessage message, TranslatedCluster translated, string version, bool isStatic, DateTimeOffset updated) : ISecretUser
{
    public string Name => Translated.Config.Name;

    public ClusterMessage Message { get; } = message;

    public TranslatedCluster Translated { get; } = translated;

    public string Version { get; } = version;

    public bool IsStatic { get; } = isStatic;

    public DateTimeOffset Updated { get; } = updated;

    /// <summary>The endpoints; null while they are not known, which keeps the cluster out of the snapshot (warming).</summary>
    public ImmutableArray<EndpointConfig>? Endpoints { get; set; }

    /// <summary>How the health of <see cref="Endpoints"/> becomes load.</summary>
    public AssignmentPolicy Policy { get; set; } = translated.Policy;

    /// <summary>Ends the wait for endpoints; null where there is none.</summary>
    public ITimer? Patience { get; set; }

    /// <summary>True while secrets have not come, which keeps the cluster out of the snapshot like missing endpoints.</summary>
    public bool WaitsForSecrets { get; set; }

    /// <summary>Ends the wait for secrets; null where there is none.</summary>
    public ITimer? SecretPatience { get; set; }

    public IReadOnlyList<TlsPlan> Plans => Translated.Sockets.Plans;

    public string Description => $"cluster \"{Name}\"";

    public string SecretStat => $"cluster.{Translated.Config.StatName}.client_ssl_socket_factory.";

    /// <summary>Ends the resolution of a DNS cluster that is replaced.</summary>
    public CancellationToken Lifetime => LifetimeSource.Token;

    // Without a timer or a wait handle there is nothing in it to dispose of.
    private CancellationTokenSource LifetimeSource { get; } = new();

    /// <summary>The same cluster with what is known of it, to go on after this entry has ended.</summary>
    public ClusterEntry Renew() => new(Message, Translated, Version, IsStatic, Updated) { Endpoints = Endpoints, Policy = Policy };

    /// <summary>The entry is no longer needed: nothing more is resolved or waited for.</summary>
    public void End()
    {
        Patience?.Dispose();
        SecretPatience?.Dispose();
        LifetimeSource.Cancel();
    }
}

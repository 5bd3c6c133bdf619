using Google.Protobuf;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>The configuration in use, as received. What is secret is taken out when it is shown.</summary>
public sealed record ConfigDump
{
    /// <summary>The bootstrap; null where there is none.</summary>
    public DumpedResource? Bootstrap { get; init; }

    /// <summary>Listeners.</summary>
    public IReadOnlyList<DumpedResource> Listeners { get; init; } = [];

    /// <summary>Clusters.</summary>
    public IReadOnlyList<DumpedResource> Clusters { get; init; } = [];

    /// <summary>Route configurations, those inside of listeners too.</summary>
    public IReadOnlyList<DumpedResource> Routes { get; init; } = [];

    /// <summary>Endpoints of clusters; shown on demand (<c>include_eds</c>).</summary>
    public IReadOnlyList<DumpedResource> Endpoints { get; init; } = [];

    /// <summary>Secrets, shown without their keys.</summary>
    public IReadOnlyList<DumpedResource> Secrets { get; init; } = [];
}

/// <summary>One resource.</summary>
/// <param name="Name">Of the resource.</param>
/// <param name="Message">As received; null where no version was ever accepted.</param>
/// <param name="LastUpdated">When it was accepted.</param>
/// <param name="VersionInfo">Version of the control plane; null for what the bootstrap holds.</param>
/// <param name="Rejected">The last update where that was refused and the resource kept its version; null where it was accepted.</param>
public sealed record DumpedResource(
    string Name, IMessage? Message, DateTimeOffset LastUpdated, string? VersionInfo = null, RejectedUpdate? Rejected = null);

/// <summary>An update that was refused.</summary>
/// <param name="Details">Why, as told to the control plane.</param>
/// <param name="VersionInfo">The version that was refused.</param>
/// <param name="LastUpdateAttempt">When.</param>
public sealed record RejectedUpdate(string Details, string VersionInfo, DateTimeOffset LastUpdateAttempt);

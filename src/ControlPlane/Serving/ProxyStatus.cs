using System.Collections.Immutable;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>A proxy that is connected, and what it made of what it was sent.</summary>
/// <param name="NodeId">What it calls itself.</param>
/// <param name="NodeCluster">The group it says that it belongs to; empty when it does not say.</param>
/// <param name="ConnectedSince">When its stream began.</param>
/// <param name="IsSettled">True when it has answered for everything that it was to get.</param>
/// <param name="Types">What it answered, by type URL.</param>
public sealed record ProxyStatus(
    string NodeId,
    string NodeCluster,
    DateTimeOffset ConnectedSince,
    bool IsSettled,
    ImmutableSortedDictionary<string, TypeStatus> Types);

/// <summary>What a proxy answered for one type of resources.</summary>
/// <param name="AcknowledgedVersion">The version that it accepted last; empty before the first one.</param>
/// <param name="RejectedVersion">The version that it refused since; null when it accepted the last one.</param>
/// <param name="RejectionReason">The proxy's words about that; null when it accepted the last one.</param>
public sealed record TypeStatus(string AcknowledgedVersion, string? RejectedVersion, string? RejectionReason);

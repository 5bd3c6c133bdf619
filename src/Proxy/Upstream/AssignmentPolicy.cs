namespace KubeProxyNet.Proxy.Upstream;

/// <summary>How the health of a cluster's endpoints becomes load: Envoy's <c>ClusterLoadAssignment.Policy</c>.</summary>
public sealed record AssignmentPolicy
{
    /// <summary>Envoy's defaults.</summary>
    public static AssignmentPolicy Default { get; } = new();

    /// <summary>How much load a level or locality can take, in percent of its healthy share; 140 by default, at least 1.</summary>
    public int OverprovisioningFactor { get; init; } = 140;

    /// <summary>True where the healthy share of a priority level is that of weights, false where it is that of endpoints.</summary>
    public bool WeightedPriorityHealth { get; init; }
}

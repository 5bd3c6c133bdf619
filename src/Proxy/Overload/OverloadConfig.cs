using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Overload;

/// <summary>How the process protects itself: Envoy's <c>config.overload.v3.OverloadManager</c>.</summary>
public sealed record OverloadConfig
{
    /// <summary>
    /// What holds without an <c>overload_manager</c>: the four steps of memory, as shares of <see cref="MaxMemoryBytes"/>, and at most 50,000 client connections.
    /// </summary>
    public static OverloadConfig Default { get; } = new()
    {
        Actions =
        [
            new OverloadTrigger(OverloadAction.DisableHttpKeepAlive, OverloadResource.Memory, 0.80, 0.80),
            new OverloadTrigger(OverloadAction.StopAcceptingRequests, OverloadResource.Memory, 0.88, 0.88),
            new OverloadTrigger(OverloadAction.StopAcceptingConnections, OverloadResource.Memory, 0.94, 0.94),
            new OverloadTrigger(OverloadAction.ResetHighMemoryStream, OverloadResource.Memory, 0.97, 0.97),
        ],
    };

    /// <summary>How often pressure is looked at; 250 ms.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Memory of the process at which its pressure is 1; 0 (the default) for what the control group or the machine grants.</summary>
    public long MaxMemoryBytes { get; init; }

    /// <summary>Most client connections of all listeners together; 0 for no limit but that of descriptors.</summary>
    public int MaxDownstreamConnections { get; init; } = 50_000;

    /// <summary>True (the default) where Envoy's runtime key <c>overload.global_downstream_max_connections</c> goes before <see cref="MaxDownstreamConnections"/>; false where a resource monitor sets it.</summary>
    public bool FollowsRuntime { get; init; } = true;

    /// <summary>Most client connections of a source on all listeners together; null (the default) for no limit.</summary>
    public SourceConnectionLimit? SourceConnections { get; init; }

    /// <summary>What happens at which pressure.</summary>
    public ImmutableArray<OverloadTrigger> Actions { get; init; } = [];
}

/// <summary>What pressure is measured of.</summary>
public enum OverloadResource
{
    /// <summary>Resident memory of the process; Envoy's <c>envoy.resource_monitors.fixed_heap</c> and <c>cgroup_memory</c>.</summary>
    Memory,

    /// <summary>Client connections; Envoy's <c>envoy.resource_monitors.global_downstream_max_connections</c>.</summary>
    DownstreamConnections,
}

/// <summary>What is done against overload; each bears the name of Envoy's <c>envoy.overload_actions.*</c>.</summary>
public enum OverloadAction
{
    /// <summary>Responses end their connections.</summary>
    DisableHttpKeepAlive,

    /// <summary>New requests are answered 503 with flag OM.</summary>
    StopAcceptingRequests,

    /// <summary>New connections wait in the kernel's queue.</summary>
    StopAcceptingConnections,

    /// <summary>New connections are accepted and closed.</summary>
    RejectIncomingConnections,

    /// <summary>The connections that hold the most memory are reset.</summary>
    ResetHighMemoryStream,

    /// <summary>Unused memory is given back to the system.</summary>
    ShrinkHeap,
}

/// <summary>At which pressure of a resource an action sets in.</summary>
/// <param name="Action">What is done.</param>
/// <param name="Resource">Whose pressure.</param>
/// <param name="From">Pressure above which it sets in, 0 to 1. A threshold has both bounds alike.</param>
/// <param name="Full">Pressure from which it is done always; in between with a probability that rises evenly.</param>
public sealed record OverloadTrigger(OverloadAction Action, OverloadResource Resource, double From, double Full);

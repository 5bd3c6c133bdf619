using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Overload;

/// <summary>How far each action is in force now, from 0 for not at all to <see cref="Always"/>. One thread writes, every worker reads.</summary>
internal sealed class OverloadState
{
    /// <summary>Value of an action that is done every time.</summary>
    public const int Always = 1 << 16;

    private readonly int[] _degrees = new int[Enum.GetValues<OverloadAction>().Length];
    private volatile bool _isAnyActive;

    /// <summary>False as long as nothing is in force: the one look that an undisturbed request takes.</summary>
    public bool IsAnyActive => _isAnyActive;

    /// <summary>True where an action that has no degrees is in force.</summary>
    public bool IsActive(OverloadAction action) => _isAnyActive && Volatile.Read(ref _degrees[(int)action]) == Always;

    /// <summary>True where the action is to be done this time.</summary>
    /// <param name="action">Which.</param>
    /// <param name="random">Random bits.</param>
    public bool Applies(OverloadAction action, ulong random) => _isAnyActive && (int)(random & (Always - 1)) < Volatile.Read(ref _degrees[(int)action]);

    /// <summary>The action's share in percent, for statistics.</summary>
    public int Percent(OverloadAction action) => (int)(100L * Volatile.Read(ref _degrees[(int)action]) / Always);

    /// <summary>Sets how far an action is in force, 0 to 1.</summary>
    public void Set(OverloadAction action, double degree)
    {
        Volatile.Write(ref _degrees[(int)action], (int)(Math.Clamp(degree, 0, 1) * Always));
        var any = false;
        foreach (var value in _degrees)
        {
            any |= value > 0;
        }

        _isAnyActive = any;
    }

    /// <summary>Shows each action as Envoy does (Envoy documentation, "Overload manager statistics").</summary>
    public void Observe(StatRegistry registry)
    {
        foreach (var action in Enum.GetValues<OverloadAction>())
        {
            var name = OverloadNames.Of(action);
            registry.Observe($"overload.{name}.active", () => IsActive(action) ? 1 : 0);
            registry.Observe($"overload.{name}.scale_percent", () => Percent(action));
        }
    }
}

/// <summary>Envoy's names of what the overload manager watches and does.</summary>
internal static class OverloadNames
{
    public const string FixedHeap = "envoy.resource_monitors.fixed_heap";
    public const string CgroupMemory = "envoy.resource_monitors.cgroup_memory";
    public const string DownstreamConnections = "envoy.resource_monitors.global_downstream_max_connections";

    private static readonly Dictionary<OverloadAction, string> Names = new()
    {
        [OverloadAction.DisableHttpKeepAlive] = "envoy.overload_actions.disable_http_keepalive",
        [OverloadAction.StopAcceptingRequests] = "envoy.overload_actions.stop_accepting_requests",
        [OverloadAction.StopAcceptingConnections] = "envoy.overload_actions.stop_accepting_connections",
        [OverloadAction.RejectIncomingConnections] = "envoy.overload_actions.reject_incoming_connections",
        [OverloadAction.ResetHighMemoryStream] = "envoy.overload_actions.reset_high_memory_stream",
        [OverloadAction.ShrinkHeap] = "envoy.overload_actions.shrink_heap",
    };

    /// <summary>The name of an action.</summary>
    public static string Of(OverloadAction action) => Names[action];

    /// <summary>The action of that name; null where there is none.</summary>
    public static OverloadAction? ActionOf(string name)
    {
        foreach (var (action, known) in Names)
        {
            if (known == name)
            {
                return action;
            }
        }

        return null;
    }
}

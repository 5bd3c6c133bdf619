using System.Collections.Immutable;
using Envoy.Config.Overload.V3;
using Envoy.Extensions.ResourceMonitors.CgroupMemory.V3;
using Envoy.Extensions.ResourceMonitors.DownstreamConnections.V3;
using Envoy.Extensions.ResourceMonitors.FixedHeap.V3;
using Kpn.ResourceMonitors.SourceConnections.V3;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the overload manager of a bootstrap into what the engine runs. Where there is one, it replaces our defaults as a whole.</summary>
internal static class OverloadTranslator
{
    /// <summary>The settings; our defaults where <paramref name="message"/> is null.</summary>
    public static OverloadConfig Translate(OverloadManager? message, TranslationProblems problems, ConfigPath path)
    {
        if (message is null)
        {
            return OverloadConfig.Default;
        }

        var config = new OverloadConfig { MaxDownstreamConnections = 0 };
        if (message.RefreshInterval is { } interval)
        {
            config = config with { RefreshInterval = interval.ToTimeSpan() };
        }

        var known = new Dictionary<string, OverloadResource>(StringComparer.Ordinal);
        for (var i = 0; i < message.ResourceMonitors.Count; i++)
        {
            config = WithMonitor(config, message.ResourceMonitors[i], known, problems, path.Field("resource_monitors").Index(i));
        }

        var triggers = ImmutableArray.CreateBuilder<OverloadTrigger>();
        for (var i = 0; i < message.Actions.Count; i++)
        {
            AddTriggers(triggers, message.Actions[i], known, problems, path.Field("actions").Index(i));
        }

        return config with { Actions = triggers.ToImmutable() };
    }

    private static OverloadConfig WithMonitor(
        OverloadConfig config, ResourceMonitor monitor, Dictionary<string, OverloadResource> known, TranslationProblems problems, ConfigPath path)
    {
        if (monitor.TypedConfig is { } any)
        {
            if (any.TryUnpack<FixedHeapConfig>(out var heap))
            {
                known[monitor.Name] = OverloadResource.Memory;
                return config with { MaxMemoryBytes = (long)Math.Min(heap.MaxHeapSizeBytes, long.MaxValue) };
            }

            if (any.TryUnpack<CgroupMemoryConfig>(out var group))
            {
                known[monitor.Name] = OverloadResource.Memory;
                var granted = ProcessMemory.Granted();
                return config with { MaxMemoryBytes = group.MaxMemoryBytes > 0 ? Math.Min((long)group.MaxMemoryBytes, granted) : granted };
            }

            if (any.TryUnpack<DownstreamConnectionsConfig>(out var connections))
            {
                known[monitor.Name] = OverloadResource.DownstreamConnections;
                return config with { MaxDownstreamConnections = (int)Math.Clamp(connections.MaxActiveDownstreamConnections, 1, int.MaxValue), FollowsRuntime = false };
            }

            if (any.TryUnpack<SourceConnectionsConfig>(out var sources))
            {
                return config with { SourceConnections = SourceConnectionLimitTranslator.Translate(sources.MaxActiveConnectionsPerSource, sources.Ipv4PrefixLength, sources.Ipv6PrefixLength) };
            }
        }

        problems.Add(path.Field("typed_config"), "is no monitor of ours", "use fixed_heap, cgroup_memory, global_downstream_max_connections or kpn.resource_monitors.source_connections");
        return config;
    }

    private static void AddTriggers(
        ImmutableArray<OverloadTrigger>.Builder triggers, Envoy.Config.Overload.V3.OverloadAction action, Dictionary<string, OverloadResource> known, TranslationProblems problems, ConfigPath path)
    {
        if (OverloadNames.ActionOf(action.Name) is not { } what)
        {
            problems.Add(path.Field("name"), $"there is no overload action \"{action.Name}\"", $"use one of {string.Join(", ", Enum.GetValues<Overload.OverloadAction>().Select(OverloadNames.Of))}");
            return;
        }

        for (var i = 0; i < action.Triggers.Count; i++)
        {
            var trigger = action.Triggers[i];
            var at = path.Field("triggers").Index(i);
            if (!known.TryGetValue(trigger.Name, out var resource))
            {
                problems.Add(at.Field("name"), $"there is no resource monitor \"{trigger.Name}\"", "name one of resource_monitors");
                continue;
            }

            var (from, full) = trigger.TriggerOneofCase switch
            {
                Trigger.TriggerOneofOneofCase.Threshold => (trigger.Threshold.Value, trigger.Threshold.Value),
                Trigger.TriggerOneofOneofCase.Scaled => (trigger.Scaled.ScalingThreshold, trigger.Scaled.SaturationThreshold),
                _ => (-1, -1),
            };
            if (from is < 0 or > 1 || full is < 0 or > 1 || full < from)
            {
                problems.Add(at, "a trigger needs a threshold from 0 to 1, or a scaling_threshold that is not above its saturation_threshold", "write threshold: {value: 0.9}");
                continue;
            }

            triggers.Add(new OverloadTrigger(what, resource, from, full));
        }
    }
}

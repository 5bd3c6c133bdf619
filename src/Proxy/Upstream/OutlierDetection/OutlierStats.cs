using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>The counters <c>cluster.NAME.outlier_detection.*</c> (Envoy documentation, "Cluster manager statistics: outlier detection"), of which some are kept for those who know the old names.</summary>
internal sealed class OutlierStats : IObservedGauges
{
    private readonly StatRegistry _registry;
    private readonly Counter[] _detected = new Counter[EjectionTypes.Count];
    private readonly Counter[] _enforced = new Counter[EjectionTypes.Count];
    private readonly Counter _enforcedTotal;
    private readonly Counter _overflow;
    private readonly Counter _total;
    private readonly Counter _consecutive5xx;
    private readonly Counter _successRate;
    private readonly string _activeName;
    private Func<long> _active = static () => 0;

    public OutlierStats(StatRegistry registry, string cluster)
    {
        _registry = registry;
        var prefix = $"cluster.{cluster}.outlier_detection.";
        for (var type = 0; type < EjectionTypes.Count; type++)
        {
            var name = EjectionTypes.StatNameOf((EjectionType)type);
            _detected[type] = registry.Counter($"{prefix}ejections_detected_{name}");
            _enforced[type] = registry.Counter($"{prefix}ejections_enforced_{name}");
        }

        _enforcedTotal = registry.Counter(prefix + "ejections_enforced_total");
        _overflow = registry.Counter(prefix + "ejections_overflow");
        _total = registry.Counter(prefix + "ejections_total");
        _consecutive5xx = registry.Counter(prefix + "ejections_consecutive_5xx");
        _successRate = registry.Counter(prefix + "ejections_success_rate");
        _activeName = prefix + "ejections_active";
    }

    /// <summary>Shows how many endpoints are out.</summary>
    public void Observe(Func<long> active)
    {
        _active = active;
        _registry.Observe(this);
    }

    /// <summary>The cluster is gone.</summary>
    public void StopObserving() => _registry.StopObserving(this);

    void IObservedGauges.Read(GaugeReader read) => read(_activeName, _active(), GaugeMerge.Sum);

    /// <summary>An endpoint was found to be an outlier.</summary>
    public void Detected(EjectionType type)
    {
        _registry.Shared.Increment(_detected[(int)type]);
        switch (type)
        {
            case EjectionType.Consecutive5xx:
                _registry.Shared.Increment(_consecutive5xx);
                break;
            case EjectionType.SuccessRate or EjectionType.SuccessRateLocalOrigin:
                _registry.Shared.Increment(_successRate);
                break;
        }
    }

    /// <summary>There was room to eject an outlier, whether it then was or not.</summary>
    public void Ejectable(EjectionType type)
    {
        if (type is EjectionType.Consecutive5xx or EjectionType.SuccessRate)
        {
            _registry.Shared.Increment(_total);
        }
    }

    /// <summary>An outlier was ejected.</summary>
    public void Enforced(EjectionType type)
    {
        _registry.Shared.Increment(_enforcedTotal);
        _registry.Shared.Increment(_enforced[(int)type]);
    }

    /// <summary>An outlier stayed, because as many are out as may be.</summary>
    public void Overflow() => _registry.Shared.Increment(_overflow);
}

namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>How often one endpoint succeeded in the last interval. The detector writes it; any thread may read <see cref="Shown"/>.</summary>
internal sealed class SuccessRate
{
    private const double Unknown = -1;

    private long _countedBefore;
    private long _succeededBefore;
    private long _succeeded;
    private double _shown = Unknown;

    /// <summary>Requests of the last interval.</summary>
    public long Volume { get; private set; }

    /// <summary>Percentage of them that succeeded; without meaning where there was none.</summary>
    public double Percent => _succeeded * 100.0 / Volume;

    /// <summary>The percentage of the last interval where it had enough requests to count; -1 otherwise.</summary>
    public double Shown
    {
        get => Volatile.Read(ref _shown);
        set => Volatile.Write(ref _shown, value);
    }

    /// <summary>Begins the next interval.</summary>
    /// <param name="counted">Requests ever.</param>
    /// <param name="succeeded">Those of them that succeeded. A worker counts a request before its success, so this may lag by some.</param>
    public void EndInterval(long counted, long succeeded)
    {
        Volume = counted - _countedBefore;
        _succeeded = Math.Min(succeeded - _succeededBefore, Volume);
        _countedBefore = counted;
        _succeededBefore += _succeeded;
        Shown = Unknown;
    }
}

/// <summary>What the endpoints of a cluster are compared by: their average success rate, and where outliers begin.</summary>
/// <param name="Average">Percent; -1 where too few endpoints had enough requests.</param>
/// <param name="EjectionThreshold">Percent, perhaps below zero; -1 where too few endpoints had enough requests.</param>
internal sealed record SuccessRateThreshold(double Average, double EjectionThreshold)
{
    public static SuccessRateThreshold Unknown { get; } = new(-1, -1);

    /// <summary>The average less so many standard deviations of the population (Envoy documentation, "Outlier detection: success rate").</summary>
    /// <param name="rates">At least one, in percent.</param>
    /// <param name="factor">Standard deviations.</param>
    public static SuccessRateThreshold Of(IReadOnlyCollection<double> rates, double factor)
    {
        var mean = rates.Sum() / rates.Count;
        var variance = rates.Sum(rate => (rate - mean) * (rate - mean)) / rates.Count;
        return new SuccessRateThreshold(mean, mean - (factor * Math.Sqrt(variance)));
    }
}

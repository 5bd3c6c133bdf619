namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>The ejections of one endpoint and how long the next one lasts. The detector writes it under its lock.</summary>
internal sealed class EjectionHistory
{
    private long _lastEjection;

    /// <summary>Ejections ever.</summary>
    public int Count { get; private set; }

    /// <summary>When the last ejection began, as a timestamp of the detector's clock; null for never.</summary>
    public long? LastEjection => Count == 0 ? null : Volatile.Read(ref _lastEjection);

    /// <summary>When the last ejection ended; null for never.</summary>
    public long? LastUnejection { get; private set; }

    /// <summary>What the base ejection time is multiplied with: grows with each ejection, shrinks in each interval without one.</summary>
    public int Multiplier { get; private set; }

    private TimeSpan Jitter { get; set; }

    /// <summary>An ejection begins.</summary>
    public void Begin(long now, TimeSpan jitter, OutlierDetectionConfig config)
    {
        Volatile.Write(ref _lastEjection, now);
        Count++;
        Jitter = jitter;

        // Beyond the longest ejection it would only take longer to shrink.
        if (config.BaseEjectionTime * Multiplier < config.MaxEjectionTime + config.BaseEjectionTime)
        {
            Multiplier++;
        }
    }

    /// <summary>True where the ejection has lasted long enough.</summary>
    public bool IsOver(long now, TimeProvider time, OutlierDetectionConfig config)
    {
        var growing = config.BaseEjectionTime * Multiplier;
        var length = (growing < config.MaxEjectionTime ? growing : config.MaxEjectionTime) + Jitter;
        return time.GetElapsedTime(_lastEjection, now) >= length;
    }

    /// <summary>The ejection is over.</summary>
    public void End(long now) => LastUnejection = now;

    /// <summary>An interval has passed in which the endpoint was in use.</summary>
    public void Shrink(long now, TimeProvider time, OutlierDetectionConfig config)
    {
        if (Multiplier > 0 && LastUnejection is { } last && time.GetElapsedTime(last, now) >= config.Interval)
        {
            Multiplier--;
        }
    }
}

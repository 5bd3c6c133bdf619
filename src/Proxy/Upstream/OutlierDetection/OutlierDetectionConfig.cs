namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>
/// When an endpoint is taken out because its answers look worse than they may: Envoy's <c>config.cluster.v3.OutlierDetection</c>, with its defaults.
/// Percentages are 0 to 100.
/// </summary>
public sealed record OutlierDetectionConfig
{
    /// <summary>Time between two looks at all endpoints; 10 s by default, more than zero.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an endpoint stays out, times the number of ejections in short order; 30 s by default, more than zero.</summary>
    public TimeSpan BaseEjectionTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest ejection, before jitter; 300 s by default or <see cref="BaseEjectionTime"/> where that is longer. Never shorter than that.</summary>
    public TimeSpan MaxEjectionTime { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>Each ejection lasts longer by a random time up to this; zero by default.</summary>
    public TimeSpan MaxEjectionTimeJitter { get; init; }

    /// <summary>Largest share of endpoints that may be out at a time; 10 by default.</summary>
    public int MaxEjectionPercent { get; init; } = 10;

    /// <summary>True to eject one endpoint whatever <see cref="MaxEjectionPercent"/> says.</summary>
    public bool AlwaysEjectOneHost { get; init; }

    /// <summary>Answers of 5xx in a row that make an outlier; 5 by default, 0 for never.</summary>
    public long Consecutive5xx { get; init; } = 5;

    /// <summary>Answers of 502, 503 or 504 in a row that make an outlier; 5 by default, 0 for never.</summary>
    public long ConsecutiveGatewayFailure { get; init; } = 5;

    /// <summary>Failures of our own side in a row that make an outlier; 5 by default, 0 for never. Without <see cref="SplitsOrigins"/> there are none.</summary>
    public long ConsecutiveLocalOriginFailure { get; init; } = 5;

    /// <summary>
    /// True to tell failures of our own side (timeouts, resets, connections that could not be made) apart from what the endpoint answered; otherwise
    /// they count as 504 and 503.
    /// </summary>
    public bool SplitsOrigins { get; init; }

    /// <summary>Share of the detections of <see cref="Consecutive5xx"/> that eject; 100 by default.</summary>
    public int EnforcingConsecutive5xx { get; init; } = 100;

    /// <summary>Share of the detections of <see cref="ConsecutiveGatewayFailure"/> that eject; 0 by default.</summary>
    public int EnforcingConsecutiveGatewayFailure { get; init; }

    /// <summary>Share of the detections of <see cref="ConsecutiveLocalOriginFailure"/> that eject; 100 by default.</summary>
    public int EnforcingConsecutiveLocalOriginFailure { get; init; } = 100;

    /// <summary>Share of the detections by success rate that eject; 100 by default.</summary>
    public int EnforcingSuccessRate { get; init; } = 100;

    /// <summary>Share of the detections by success rate of our own side that eject; 100 by default.</summary>
    public int EnforcingLocalOriginSuccessRate { get; init; } = 100;

    /// <summary>Share of the detections by failure percentage that eject; 0 by default.</summary>
    public int EnforcingFailurePercentage { get; init; }

    /// <summary>Share of the detections by failure percentage of our own side that eject; 0 by default.</summary>
    public int EnforcingFailurePercentageLocalOrigin { get; init; }

    /// <summary>Endpoints with enough requests that it takes to compare success rates; 5 by default.</summary>
    public long SuccessRateMinimumHosts { get; init; } = 5;

    /// <summary>Requests in an interval that make a success rate worth comparing; 100 by default.</summary>
    public long SuccessRateRequestVolume { get; init; } = 100;

    /// <summary>Thousandths of standard deviations below the average at which outliers begin; 1,900 by default.</summary>
    public long SuccessRateStdevFactor { get; init; } = 1900;

    /// <summary>Percentage of failures that makes an outlier; 85 by default.</summary>
    public int FailurePercentageThreshold { get; init; } = 85;

    /// <summary>Endpoints with enough requests that it takes to judge by failure percentage; 5 by default.</summary>
    public long FailurePercentageMinimumHosts { get; init; } = 5;

    /// <summary>Requests in an interval that make a failure percentage worth judging; 50 by default.</summary>
    public long FailurePercentageRequestVolume { get; init; } = 50;

    /// <summary>True, as by default, to take an endpoint back as soon as an active health check finds it healthy.</summary>
    public bool HealthCheckUnejects { get; init; } = true;

    /// <summary>Share of the detections of a type that eject.</summary>
    internal int EnforcingOf(EjectionType type) => type switch
    {
        EjectionType.Consecutive5xx => EnforcingConsecutive5xx,
        EjectionType.ConsecutiveGatewayFailure => EnforcingConsecutiveGatewayFailure,
        EjectionType.SuccessRate => EnforcingSuccessRate,
        EjectionType.ConsecutiveLocalOriginFailure => EnforcingConsecutiveLocalOriginFailure,
        EjectionType.SuccessRateLocalOrigin => EnforcingLocalOriginSuccessRate,
        EjectionType.FailurePercentage => EnforcingFailurePercentage,
        _ => EnforcingFailurePercentageLocalOrigin,
    };
}

using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>What the runtime says of outlier detection, in all clusters that have it. Source: Envoy documentation, "Cluster manager: runtime".</summary>
internal static class OutlierDetectionRuntime
{
    /// <summary>What all keys begin with.</summary>
    public const string Prefix = "outlier_detection.";

    /// <summary>The settings in force.</summary>
    public static OutlierDetectionConfig Apply(OutlierDetectionConfig configured, RuntimeValues runtime)
    {
        var baseTime = Time("base_ejection_time_ms", configured.BaseEjectionTime);
        var maxTime = Time("max_ejection_time_ms", configured.MaxEjectionTime);
        return configured with
        {
            Interval = Time("interval_ms", configured.Interval),
            BaseEjectionTime = baseTime,
            MaxEjectionTime = maxTime > baseTime ? maxTime : baseTime,
            MaxEjectionTimeJitter = Jitter(),
            MaxEjectionPercent = Percent("max_ejection_percent", configured.MaxEjectionPercent),
            Consecutive5xx = Number("consecutive_5xx", configured.Consecutive5xx),
            ConsecutiveGatewayFailure = Number("consecutive_gateway_failure", configured.ConsecutiveGatewayFailure),
            ConsecutiveLocalOriginFailure = Number("consecutive_local_origin_failure", configured.ConsecutiveLocalOriginFailure),
            EnforcingConsecutive5xx = Percent("enforcing_consecutive_5xx", configured.EnforcingConsecutive5xx),
            EnforcingConsecutiveGatewayFailure = Percent("enforcing_consecutive_gateway_failure", configured.EnforcingConsecutiveGatewayFailure),
            EnforcingConsecutiveLocalOriginFailure = Percent("enforcing_consecutive_local_origin_failure", configured.EnforcingConsecutiveLocalOriginFailure),
            EnforcingSuccessRate = Percent("enforcing_success_rate", configured.EnforcingSuccessRate),
            EnforcingLocalOriginSuccessRate = Percent("enforcing_local_origin_success_rate", configured.EnforcingLocalOriginSuccessRate),
            EnforcingFailurePercentage = Percent("enforcing_failure_percentage", configured.EnforcingFailurePercentage),
            EnforcingFailurePercentageLocalOrigin = Percent("enforcing_failure_percentage_local_origin", configured.EnforcingFailurePercentageLocalOrigin),
            SuccessRateMinimumHosts = Number("success_rate_minimum_hosts", configured.SuccessRateMinimumHosts),
            SuccessRateRequestVolume = Number("success_rate_request_volume", configured.SuccessRateRequestVolume),
            SuccessRateStdevFactor = Number("success_rate_stdev_factor", configured.SuccessRateStdevFactor),
            FailurePercentageThreshold = Percent("failure_percentage_threshold", configured.FailurePercentageThreshold),
            FailurePercentageMinimumHosts = Number("failure_percentage_minimum_hosts", configured.FailurePercentageMinimumHosts),
            FailurePercentageRequestVolume = Number("failure_percentage_request_volume", configured.FailurePercentageRequestVolume),
        };

        long Number(string key, long otherwise) => (long)Math.Min(runtime.IntegerOf(Prefix + key, (ulong)otherwise), uint.MaxValue);
        int Percent(string key, int otherwise) => (int)Math.Min(Number(key, otherwise), 100);
        TimeSpan Jitter() => Milliseconds("max_ejection_time_jitter_ms") is { } time ? time : configured.MaxEjectionTimeJitter;

        // Zero would judge without a pause.
        TimeSpan Time(string key, TimeSpan otherwise) => Milliseconds(key) is { Ticks: > 0 } time ? time : otherwise;
        TimeSpan? Milliseconds(string key) => runtime.NumberOf(Prefix + key) is >= 0 and <= uint.MaxValue and var time ? TimeSpan.FromMilliseconds((long)time) : null;
    }
}

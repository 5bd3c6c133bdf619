using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Cluster.V3.OutlierDetection;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns outlier detection into a record. The ranges of its percentages are checked with the schema.</summary>
internal static class OutlierDetectionTranslator
{
    private static readonly OutlierDetectionConfig ByDefault = new();

    /// <summary>The settings; null where a cluster has none. An empty message turns detection on with Envoy's defaults.</summary>
    public static OutlierDetectionConfig? Translate(Proto? message, TranslationProblems problems, ConfigPath path)
    {
        if (message is null)
        {
            return null;
        }

        var baseTime = Positive(message.BaseEjectionTime, ByDefault.BaseEjectionTime, problems, path.Field("base_ejection_time"));
        var longestByDefault = baseTime > ByDefault.MaxEjectionTime ? baseTime : ByDefault.MaxEjectionTime;
        var config = new OutlierDetectionConfig
        {
            Interval = Positive(message.Interval, ByDefault.Interval, problems, path.Field("interval")),
            BaseEjectionTime = baseTime,
            MaxEjectionTime = Positive(message.MaxEjectionTime, longestByDefault, problems, path.Field("max_ejection_time")),
            MaxEjectionTimeJitter = ResourceTimeouts.Bounded(message.MaxEjectionTimeJitter?.ToTimeSpan() ?? ByDefault.MaxEjectionTimeJitter),
            MaxEjectionPercent = Percent(message.MaxEjectionPercent, ByDefault.MaxEjectionPercent),
            AlwaysEjectOneHost = message.AlwaysEjectOneHost ?? ByDefault.AlwaysEjectOneHost,
            Consecutive5xx = message.Consecutive5Xx ?? ByDefault.Consecutive5xx,
            ConsecutiveGatewayFailure = message.ConsecutiveGatewayFailure ?? ByDefault.ConsecutiveGatewayFailure,
            ConsecutiveLocalOriginFailure = message.ConsecutiveLocalOriginFailure ?? ByDefault.ConsecutiveLocalOriginFailure,
            SplitsOrigins = message.SplitExternalLocalOriginErrors,
            EnforcingConsecutive5xx = Percent(message.EnforcingConsecutive5Xx, ByDefault.EnforcingConsecutive5xx),
            EnforcingConsecutiveGatewayFailure = Percent(message.EnforcingConsecutiveGatewayFailure, ByDefault.EnforcingConsecutiveGatewayFailure),
            EnforcingConsecutiveLocalOriginFailure = Percent(message.EnforcingConsecutiveLocalOriginFailure, ByDefault.EnforcingConsecutiveLocalOriginFailure),
            EnforcingSuccessRate = Percent(message.EnforcingSuccessRate, ByDefault.EnforcingSuccessRate),
            EnforcingLocalOriginSuccessRate = Percent(message.EnforcingLocalOriginSuccessRate, ByDefault.EnforcingLocalOriginSuccessRate),
            EnforcingFailurePercentage = Percent(message.EnforcingFailurePercentage, ByDefault.EnforcingFailurePercentage),
            EnforcingFailurePercentageLocalOrigin = Percent(message.EnforcingFailurePercentageLocalOrigin, ByDefault.EnforcingFailurePercentageLocalOrigin),
            SuccessRateMinimumHosts = message.SuccessRateMinimumHosts ?? ByDefault.SuccessRateMinimumHosts,
            SuccessRateRequestVolume = message.SuccessRateRequestVolume ?? ByDefault.SuccessRateRequestVolume,
            SuccessRateStdevFactor = message.SuccessRateStdevFactor ?? ByDefault.SuccessRateStdevFactor,
            FailurePercentageThreshold = Percent(message.FailurePercentageThreshold, ByDefault.FailurePercentageThreshold),
            FailurePercentageMinimumHosts = message.FailurePercentageMinimumHosts ?? ByDefault.FailurePercentageMinimumHosts,
            FailurePercentageRequestVolume = message.FailurePercentageRequestVolume ?? ByDefault.FailurePercentageRequestVolume,
            HealthCheckUnejects = message.SuccessfulActiveHealthCheckUnejectHost ?? ByDefault.HealthCheckUnejects,
        };
        if (config.MaxEjectionTime < config.BaseEjectionTime)
        {
            problems.Add(path.Field("max_ejection_time"), "is shorter than base_ejection_time", "write a longer one, or shorten base_ejection_time (30s by default)");
        }

        return config;
    }

    private static int Percent(uint? written, int otherwise) => (int)Math.Min(written ?? (uint)otherwise, 100);

    private static TimeSpan Positive(Duration? written, TimeSpan otherwise, TranslationProblems problems, ConfigPath path)
    {
        var duration = written?.ToTimeSpan() ?? otherwise;
        if (duration <= TimeSpan.Zero)
        {
            problems.Add(path, "is zero", "write a longer duration, or leave it out for Envoy's default");
            return otherwise;
        }

        return ResourceTimeouts.Bounded(duration);
    }
}

namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>Why an endpoint is an outlier: Envoy's <c>data.cluster.v3.OutlierEjectionType</c>.</summary>
internal enum EjectionType : byte
{
    /// <summary>So many answers with 5xx in a row, failures of our own side among them where they are not told apart.</summary>
    Consecutive5xx,

    /// <summary>So many 502, 503 and 504 in a row.</summary>
    ConsecutiveGatewayFailure,

    /// <summary>It succeeds far less often than the others.</summary>
    SuccessRate,

    /// <summary>So many timeouts, resets and failed connections in a row.</summary>
    ConsecutiveLocalOriginFailure,

    /// <summary>Connections to it succeed far less often than those to the others.</summary>
    SuccessRateLocalOrigin,

    /// <summary>It fails more often than a set percentage.</summary>
    FailurePercentage,

    /// <summary>Connections to it fail more often than a set percentage.</summary>
    FailurePercentageLocalOrigin,
}

/// <summary>The names of <see cref="EjectionType"/>.</summary>
internal static class EjectionTypes
{
    /// <summary>Number of types.</summary>
    public const int Count = (int)EjectionType.FailurePercentageLocalOrigin + 1;

    /// <summary>As in Envoy's API, and in its log of events.</summary>
    public static string NameOf(EjectionType type) => type switch
    {
        EjectionType.Consecutive5xx => "CONSECUTIVE_5XX",
        EjectionType.ConsecutiveGatewayFailure => "CONSECUTIVE_GATEWAY_FAILURE",
        EjectionType.SuccessRate => "SUCCESS_RATE",
        EjectionType.ConsecutiveLocalOriginFailure => "CONSECUTIVE_LOCAL_ORIGIN_FAILURE",
        EjectionType.SuccessRateLocalOrigin => "SUCCESS_RATE_LOCAL_ORIGIN",
        EjectionType.FailurePercentage => "FAILURE_PERCENTAGE",
        _ => "FAILURE_PERCENTAGE_LOCAL_ORIGIN",
    };

    /// <summary>As the last part of Envoy's counters.</summary>
    public static string StatNameOf(EjectionType type) => type switch
    {
        EjectionType.Consecutive5xx => "consecutive_5xx",
        EjectionType.ConsecutiveGatewayFailure => "consecutive_gateway_failure",
        EjectionType.SuccessRate => "success_rate",
        EjectionType.ConsecutiveLocalOriginFailure => "consecutive_local_origin_failure",
        EjectionType.SuccessRateLocalOrigin => "local_origin_success_rate",
        EjectionType.FailurePercentage => "failure_percentage",
        _ => "local_origin_failure_percentage",
    };
}

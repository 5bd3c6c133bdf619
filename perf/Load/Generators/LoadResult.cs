namespace KubeProxyNet.Load.Generators;

/// <summary>What a load generator reports of one run. Latencies in microseconds.</summary>
/// <param name="Lag">How late an open-loop generator was; null for a closed loop, which has no times to keep.</param>
internal sealed record LoadResult(
    long Requests, double Seconds, double P50, double P90, double P99, double P999, long Errors, GeneratorLag? Lag = null)
{
    public double RequestsPerSecond => Requests / Seconds;
}

/// <summary>Actual minus intended send time, in microseconds: the part of the latency that the generator itself may have caused.</summary>
/// <param name="Waited">Requests that waited because every connection was busy; their delay is the target's and not in the lag.</param>
/// <param name="Unsent">Requests that still waited for a connection when the run was given up: the target cannot do this rate.</param>
internal sealed record GeneratorLag(double P50, double P99, double P999, double Max, long Waited, long Unsent);

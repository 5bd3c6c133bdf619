namespace KubeProxyNet.Load.Generators;

/// <summary>What a load generator reports of one run. Latencies in microseconds.</summary>
/// <param name="Lag">How late an open-loop generator was; null for a closed loop, which has no times to keep.</param>
internal sealed record LoadResult(
    long Requests, double Seconds, double P50, double P90, double P99, double P999, long Errors, GeneratorLag? Lag = null)
{
    public double RequestsPerSecond => Requests / Seconds;
}

/// <summary>
/// How far an open-loop generator is to be trusted: actual minus intended send time, in microseconds, the part of the latency that the generator
/// itself may have caused, and what else says that it is not the target that was measured.
/// </summary>
/// <param name="Waited">Requests that waited because every connection was busy; their delay is the target's and not in the lag.</param>
/// <param name="Unsent">Requests that still waited for a connection when the run was given up: the target cannot do this rate.</param>
/// <param name="Busy">
/// The share of the run in which the generator, with the backend if it is that too, was at work on its core: near 1 it is the limit, not the target.
/// </param>
internal sealed record GeneratorLag(double P50, double P99, double P999, double Max, long Waited, long Unsent, double Busy);

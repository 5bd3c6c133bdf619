namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>How an endpoint that is new, or healthy again, gets its share of requests little by little: Envoy's <c>SlowStartConfig</c>.</summary>
/// <param name="Window">Time until it gets all of its share; above zero.</param>
/// <param name="Aggression">1, the default, for a straight line; above for a steeper beginning, below for a flatter one. Above zero.</param>
/// <param name="MinWeightPercent">Least share of its weight, 0 to 100; 10 by default.</param>
public sealed record SlowStart(TimeSpan Window, double Aggression = 1.0, double MinWeightPercent = 10.0)
{
    /// <summary>What the weight is multiplied by.</summary>
    /// <param name="ageMs">Milliseconds since the endpoint became healthy.</param>
    public double Factor(long ageMs)
    {
        var time = Math.Max(1.0, ageMs) / Window.TotalMilliseconds;
        if (time >= 1.0)
        {
            return 1.0;
        }

        return Math.Max(Aggression == 1.0 ? time : Math.Pow(time, 1.0 / Aggression), MinWeightPercent / 100.0);
    }

    /// <summary>Whether an endpoint has less than its share.</summary>
    internal bool IsRunning(EndpointState endpoint) => endpoint.Cluster.Time.GetElapsedTime(endpoint.HealthySince) < Window;
}

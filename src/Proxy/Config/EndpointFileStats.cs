using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Config;

/// <summary>What came of reading a file of endpoints for one cluster.</summary>
internal enum EndpointFileResult
{
    /// <summary>Its endpoints are in force.</summary>
    Success,

    /// <summary>The file says nothing of anybody, which leaves what is in force.</summary>
    Empty,

    /// <summary>The file can be read, but its endpoints cannot be used or are not there.</summary>
    Rejected,

    /// <summary>The file cannot be read.</summary>
    Failure,
}

/// <summary>Counts what files of endpoints deliver under Envoy's names, <c>cluster.NAME.update_</c> (Envoy documentation, "xDS subscription statistics").</summary>
internal sealed class EndpointFileStats(StatRegistry registry)
{
    /// <summary>Counts a file that was read.</summary>
    /// <param name="cluster">The cluster's name in statistics.</param>
    /// <param name="result">What came of it.</param>
    public void Count(string cluster, EndpointFileResult result)
    {
        Increment(cluster, "attempt");
        switch (result)
        {
            case EndpointFileResult.Success:
                Increment(cluster, "success");
                break;
            case EndpointFileResult.Empty:
                Increment(cluster, "empty");
                Increment(cluster, "success");
                break;
            case EndpointFileResult.Rejected:
                Increment(cluster, "rejected");
                break;
            default:
                Increment(cluster, "failure");
                break;
        }
    }

    private void Increment(string cluster, string what) => registry.Shared.Increment(registry.Counter($"cluster.{cluster}.update_{what}"));
}

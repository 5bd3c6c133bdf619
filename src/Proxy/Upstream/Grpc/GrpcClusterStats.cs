using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.Grpc;

/// <summary>The calls of a cluster by method. Nothing is registered before a filter counts one.</summary>
/// <param name="registry">Where counters are registered.</param>
/// <param name="prefix">What the cluster's names begin with, dot included.</param>
internal sealed class GrpcClusterStats(StatRegistry registry, string prefix)
{
    private GrpcMethodTable? _calls;
    private GrpcMethodTable? _callsWithoutDots;
    private GrpcMethodTable? _webCalls;

    /// <summary>Calls of gRPC.</summary>
    public GrpcMethodTable Calls => _calls ?? Table(ref _calls, "grpc.");

    /// <summary>The same, where services have underscores for dots.</summary>
    public GrpcMethodTable CallsWithoutDots => _callsWithoutDots ?? Table(ref _callsWithoutDots, "grpc.", replacesDots: true);

    /// <summary>Calls of gRPC-Web.</summary>
    public GrpcMethodTable WebCalls => _webCalls ?? Table(ref _webCalls, "grpc-web.");

    // Most clusters never see a call; of workers that come at once one makes the table.
    private GrpcMethodTable Table(ref GrpcMethodTable? table, string kind, bool replacesDots = false)
    {
        var made = new GrpcMethodTable(registry, prefix + kind, replacesDots);
        return Interlocked.CompareExchange(ref table, made, null) ?? made;
    }
}

using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.Grpc;

/// <summary>The calls of a cluster by method. Nothing is registered before a filter counts one.</summary>
/// <param name="registry">Where counters are registered.</param>
/// <param name="prefix">What the cluster's names begin with, dot included.</param>
internal sealed class GrpcClusterStats(StatRegistry registry, string prefix)
{
    /// <summary>Calls of gRPC.</summary>
    public GrpcMethodTable Calls { get; } = new(registry, prefix + "grpc.");

    /// <summary>The same, where services have underscores for dots.</summary>
    public GrpcMethodTable CallsWithoutDots { get; } = new(registry, prefix + "grpc.", replacesDots: true);

    /// <summary>Calls of gRPC-Web.</summary>
    public GrpcMethodTable WebCalls { get; } = new(registry, prefix + "grpc-web.");
}

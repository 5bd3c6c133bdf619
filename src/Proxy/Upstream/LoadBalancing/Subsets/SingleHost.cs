namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;

/// <summary>Always the same endpoint, whatever its health (Envoy, <c>single_host_per_subset</c>).</summary>
internal sealed class SingleHost(Endpoint endpoint) : ILoadBalancer
{
    public IEnumerable<Endpoint> Candidates => [endpoint];

    public Endpoint? Pick(in PickRequest request) => endpoint;
}

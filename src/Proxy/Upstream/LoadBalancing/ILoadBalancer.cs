namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Chooses an endpoint of a cluster. Built off the workers and shared by all of them; what a choice needs to remember lies in per-worker
/// state.
/// </summary>
internal interface ILoadBalancer
{
    /// <summary>An endpoint for one request, without allocation and at a cost that does not grow with the cluster; null where there is none.</summary>
    Endpoint? Pick(in PickRequest request);
}

/// <summary>The balancer over nothing.</summary>
internal sealed class NoEndpoint : ILoadBalancer
{
    public static readonly NoEndpoint Instance = new();

    public Endpoint? Pick(in PickRequest request) => null;
}

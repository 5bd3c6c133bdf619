namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Chooses an endpoint of a cluster. Built off the workers and shared by all of them; what a choice needs to remember lies in per-worker
/// state.
/// </summary>
internal interface ILoadBalancer
{
    /// <summary>An endpoint for one request, without allocation and at a cost that does not grow with the cluster; null where there is none.</summary>
    Endpoint? Pick(in PickRequest request);

    /// <summary>The endpoints that a pick may give, in no particular order, some perhaps several times; for people who ask.</summary>
    IEnumerable<Endpoint> Candidates { get; }

    /// <summary>The table that hashes are looked up in; null where there is none. Of several, the last that was made.</summary>
    IHashTable? Table => null;
}

/// <summary>The balancer over nothing.</summary>
internal sealed class NoEndpoint : ILoadBalancer
{
    public static readonly NoEndpoint Instance = new();

    public IEnumerable<Endpoint> Candidates => [];

    public Endpoint? Pick(in PickRequest request) => null;
}

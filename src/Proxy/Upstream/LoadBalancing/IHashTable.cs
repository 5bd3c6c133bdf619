namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Leads every hash to an endpoint, the same hash always to the same one, and most of them still when endpoints come and go. Immutable.</summary>
internal interface IHashTable
{
    /// <summary>Index of the endpoint, by its place among the shares that the table was made of.</summary>
    /// <param name="hash">The hash of a request.</param>
    /// <param name="attempt">0, or how often another endpoint was asked for. Another one is not certain.</param>
    int IndexOf(ulong hash, int attempt);
}

/// <summary>The endpoint that a request's hash leads to, or a random hash where it has none.</summary>
internal sealed class HashBalancer(HashShare[] shares, IHashTable table) : ILoadBalancer
{
    private readonly Endpoint[] _endpoints = Array.ConvertAll(shares, static share => share.Endpoint);

    public IEnumerable<Endpoint> Candidates => _endpoints;

    public Endpoint? Pick(in PickRequest request) => _endpoints[table.IndexOf(request.HashOrRandom(), request.Attempt)];
}

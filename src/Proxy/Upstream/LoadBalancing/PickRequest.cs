using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>What a balancer may know of the request that it picks an endpoint for.</summary>
/// <param name="Worker">The worker that the request runs on.</param>
/// <param name="State">What is kept of the cluster.</param>
/// <param name="Hash">What the route's hash policies make of the request; without meaning where <paramref name="HasHash"/> is false.</param>
/// <param name="HasHash">False where the route has no hash policy or none of them applies.</param>
/// <param name="Attempt">0 for the first choice, then 1 and so on where another endpoint is wanted. Hashing balancers move on by it.</param>
internal readonly record struct PickRequest(Worker Worker, ClusterState State, ulong Hash, bool HasHash, int Attempt)
{
    /// <summary>What the route asks of the metadata of endpoints; null for nothing.</summary>
    public MetadataMatch? Match { get; init; }

    /// <summary>The hash, or a random number for a request that has none.</summary>
    public ulong HashOrRandom() => HasHash ? Hash : Worker.Random.Next();
}

using System.Net;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Clusters whose endpoints are told apart by their ports, and what is picked from them on a worker that does not run, with a fixed seed.</summary>
internal sealed class PickedFrom : IDisposable
{
    public PickedFrom(ulong seed = 7, TimeProvider? time = null)
    {
        Worker = new Worker(0, Registry.CreatePage(), time ?? TimeProvider.System, seed, new DescriptorBudget(limit: 1000), static bug => throw bug);
        Store = new ClusterStore(Registry, [Worker], time ?? TimeProvider.System);
    }

    public StatRegistry Registry { get; } = new();

    public Worker Worker { get; }

    public ClusterStore Store { get; }

    // The thread never started, so there is nothing to stop.
    public void Dispose() => Worker.Dispose();

    public static EndpointConfig One(int port, int weight = 1, int priority = 0, EndpointHealth health = EndpointHealth.Unknown, string locality = "", uint localityWeight = 0) => new()
    {
        Address = new SocketEndpoint(IPAddress.Loopback, port),
        Weight = weight,
        Priority = priority,
        Health = health,
        Locality = locality,
        LocalityWeight = localityWeight,
    };

    /// <summary>So many endpoints with ports from <paramref name="first"/> on, of which the first <paramref name="healthy"/> are healthy and the next <paramref name="degraded"/> degraded.</summary>
    public static IEnumerable<EndpointConfig> Some(int first, int count, int healthy, int degraded = 0, int priority = 0, string locality = "", uint localityWeight = 0) =>
        Enumerable.Range(0, count).Select(i => One(
            first + i, 1, priority, i < healthy ? EndpointHealth.Healthy : i < healthy + degraded ? EndpointHealth.Degraded : EndpointHealth.Unhealthy, locality, localityWeight));

    public Cluster Build(LoadBalancingPolicy policy, IEnumerable<EndpointConfig> endpoints, LoadBalancerOptions? options = null, AssignmentPolicy? assignment = null, int choices = 2) =>
        Store.Build(new ClusterSpecification(
            new ClusterConfig { Name = "c", LoadBalancing = policy, ChoiceCount = choices, Balancing = options ?? LoadBalancerOptions.Default }, [.. endpoints])
        {
            Policy = assignment ?? AssignmentPolicy.Default,
        });

    public Endpoint? Pick(Cluster cluster) => cluster.LoadBalancer.Pick(new PickRequest(Worker, cluster.State, 0, HasHash: false, 0));

    public Endpoint? Pick(Cluster cluster, MetadataMatch? match) => cluster.LoadBalancer.Pick(new PickRequest(Worker, cluster.State, 0, HasHash: false, 0) { Match = match });

    public Endpoint? Pick(Cluster cluster, ulong hash, int attempt = 0) => cluster.LoadBalancer.Pick(new PickRequest(Worker, cluster.State, hash, HasHash: true, attempt));

    /// <summary>The ports of so many picks without a hash.</summary>
    public int[] Ports(Cluster cluster, int count) => [.. Enumerable.Range(0, count).Select(_ => Pick(cluster)!.Config.Address.Port)];

    /// <summary>The ports of picks with hashes that spread as those of a good hash function.</summary>
    public int[] PortsByHash(Cluster cluster, int count)
    {
        var random = new WorkerRandom(11);
        return [.. Enumerable.Range(0, count).Select(_ => Pick(cluster, random.Next())!.Config.Address.Port)];
    }

    public long Stat(string name) => Registry.Collect().Values.Single(value => value.Name == $"cluster.c.{name}").Value;
}

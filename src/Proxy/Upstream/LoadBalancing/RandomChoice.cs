namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>A random endpoint, as often as its weight says.</summary>
internal sealed class RandomChoice(Endpoint[] schedule) : ILoadBalancer
{
    public IEnumerable<Endpoint> Candidates => schedule;

    public Endpoint? Pick(in PickRequest request) => schedule[request.Worker.Random.Next(schedule.Length)];
}

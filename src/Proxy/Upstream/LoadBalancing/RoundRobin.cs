namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Each endpoint in turn, as often as its weight says. Every worker counts its own round.</summary>
internal sealed class RoundRobin(Endpoint[] schedule, int workers) : ILoadBalancer
{
    private readonly WorkerTurns _turns = new(workers);

    public IEnumerable<Endpoint> Candidates => schedule;

    public Endpoint? Pick(in PickRequest request) => schedule[_turns.Next(request.Worker, schedule.Length)];
}

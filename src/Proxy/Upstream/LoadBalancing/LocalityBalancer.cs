namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Each locality in turn, as often as its weight says; inside it, another balancer picks.</summary>
internal sealed class LocalityBalancer : ILoadBalancer
{
    private readonly ILoadBalancer[] _schedule;
    private readonly WorkerTurns _turns;

    private LocalityBalancer(ILoadBalancer[] schedule, int workers)
    {
        _schedule = schedule;
        _turns = new WorkerTurns(workers);
    }

    public IEnumerable<Endpoint> Candidates => _schedule.Distinct().SelectMany(static locality => locality.Candidates);

    /// <summary>A balancer over at least one locality.</summary>
    public static ILoadBalancer Create(ILoadBalancer[] localities, double[] weights, int workers) =>
        localities.Length == 1 ? localities[0] : new LocalityBalancer(WeightedSchedule.Build(localities, weights), workers);

    public Endpoint? Pick(in PickRequest request) => _schedule[_turns.Next(request.Worker, _schedule.Length)].Pick(request);
}

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Sends each priority level its percentage of the requests, at random or, where requests have a hash, always the same ones.</summary>
internal sealed class PriorityBalancer(ILoadBalancer[] sources, byte[] slots) : ILoadBalancer
{
    /// <summary>One for each percent; no more sources than that can have a share.</summary>
    public const int Slots = 100;

    public IEnumerable<Endpoint> Candidates => sources.SelectMany(static source => source.Candidates);

    public IHashTable? Table => Array.FindLast(sources, static source => source.Table is not null)?.Table;

    public Endpoint? Pick(in PickRequest request) => sources[slots[request.HashOrRandom() % Slots]].Pick(request);
}

/// <summary>Counts the picks of a priority level in panic, where a request may go to any endpoint.</summary>
internal sealed class PanicBalancer(ILoadBalancer all) : ILoadBalancer
{
    public IEnumerable<Endpoint> Candidates => all.Candidates;

    public IHashTable? Table => all.Table;

    public Endpoint? Pick(in PickRequest request)
    {
        request.Worker.Stats.Increment(request.State.Stats.HealthyPanic);
        return all.Pick(request);
    }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// A weighted round whose weights change as it goes, as in Envoy: an endpoint's weight is divided by its requests under way plus one, to the power
/// of the bias, and reduced while it starts slowly, whenever its turn comes. The round is an earliest-deadline queue, one a worker, so a pick costs
/// the logarithm of the number of endpoints.
/// </summary>
/// <param name="endpoints">At least one.</param>
/// <param name="bias">How much requests under way count: 0 for not at all, which is round robin.</param>
/// <param name="slowStart">How new endpoints start; null for at once.</param>
/// <param name="workers">Number of workers.</param>
internal sealed class WeightedRound(Endpoint[] endpoints, double bias, SlowStart? slowStart, int workers) : ILoadBalancer
{
    private readonly WorkerRound?[] _rounds = new WorkerRound?[workers];

    public IEnumerable<Endpoint> Candidates => endpoints;

    public Endpoint? Pick(in PickRequest request)
    {
        var worker = request.Worker;
        var round = _rounds[worker.Index] ??= Begin(worker);
        var first = round.Queue.First;
        round.Queue.Postpone(1 / WeightOf(first, worker, round.HealthySinceMs));
        return endpoints[first];
    }

    private WorkerRound Begin(Worker worker)
    {
        var since = slowStart is null ? [] : Array.ConvertAll(endpoints, endpoint => worker.MsOf(endpoint.State.HealthySince));
        var deadlines = new double[endpoints.Length];
        for (var i = 0; i < deadlines.Length; i++)
        {
            // Somewhere in the first round, so that workers and proxies that begin at once do not march in step.
            deadlines[i] = (worker.Random.Next(1 << 20) + 1.0) / (1 << 20) / WeightOf(i, worker, since);
        }

        return new WorkerRound(new DeadlineQueue(deadlines), since);
    }

    private double WeightOf(int index, Worker worker, long[] healthySinceMs)
    {
        var endpoint = endpoints[index];
        double weight = endpoint.Config.Weight;
        if (slowStart is not null)
        {
            weight *= slowStart.Factor(worker.NowMs - healthySinceMs[index]);
        }

        if (bias == 0.0)
        {
            return weight;
        }

        var load = endpoint.State.PageOf(worker).ActiveRequests + 1.0;
        return weight / (bias == 1.0 ? load : Math.Pow(load, bias));
    }

    /// <summary>One worker's place in the round.</summary>
    /// <param name="Queue">Whose turn it is.</param>
    /// <param name="HealthySinceMs">When each endpoint became healthy, on the worker's clock; empty where nobody starts slowly.</param>
    private sealed record WorkerRound(DeadlineQueue Queue, long[] HealthySinceMs);
}

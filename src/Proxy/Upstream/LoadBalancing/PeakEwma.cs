using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Of a few random endpoints, all of them different, the one where a request would wait least: latency times the requests under way plus one. Endpoints are
/// drawn as often as their weight says, and of a heavier one a request under way counts less. A worker compares what it saw itself.
/// </summary>
internal sealed class PeakEwma : ILoadBalancer
{
    // Draws for an endpoint other than the best so far, before the next other one in the round is taken.
    private const int MaxDraws = 4;

    // Endpoints drawn later have to be better by that much. What noise and time make of equal latencies would otherwise undo what weights say.
    private const double Advantage = 0.8;

    private readonly Endpoint[] _schedule;
    private readonly int _choices;
    private readonly double _meanWeight;

    /// <summary>A balancer over at least one endpoint.</summary>
    public PeakEwma(Endpoint[] endpoints, int choices)
    {
        _schedule = WeightedSchedule.Build(endpoints, Array.ConvertAll(endpoints, static endpoint => (double)endpoint.Config.Weight));
        _choices = endpoints.Length == 1 ? 1 : choices;
        _meanWeight = endpoints.Average(static endpoint => (double)endpoint.Config.Weight);
    }

    public IEnumerable<Endpoint> Candidates => _schedule;

    public Endpoint? Pick(in PickRequest request)
    {
        var worker = request.Worker;
        var best = _schedule[worker.Random.Next(_schedule.Length)];
        if (_choices == 1)
        {
            return best;
        }

        var cost = CostOf(best, worker);
        for (var i = 1; i < _choices; i++)
        {
            var other = Other(best, worker);
            var ofOther = CostOf(other, worker);
            if (ofOther < cost * Advantage)
            {
                (best, cost) = (other, ofOther);
            }
        }

        return best;
    }

    private Endpoint Other(Endpoint than, Worker worker)
    {
        var place = 0;
        for (var draw = 0; draw < MaxDraws; draw++)
        {
            place = worker.Random.Next(_schedule.Length);
            if (!ReferenceEquals(_schedule[place], than))
            {
                return _schedule[place];
            }
        }

        // A round spreads everybody evenly, so this ends soon.
        for (var i = 1; i < _schedule.Length; i++)
        {
            var next = _schedule[(place + i) % _schedule.Length];
            if (!ReferenceEquals(next, than))
            {
                return next;
            }
        }

        return than;
    }

    private double CostOf(Endpoint endpoint, Worker worker) => endpoint.State.PageOf(worker).Latency!.Cost(_meanWeight / endpoint.Config.Weight);
}

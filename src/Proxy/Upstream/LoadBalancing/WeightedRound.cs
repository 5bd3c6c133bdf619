using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// A weighted round of any weights, which may change as it goes: as in Envoy, an endpoint's weight is divided by its requests under way plus one, to the power
/// of the bias, and reduced while it starts slowly, whenever its turn comes. Each worker has a round of its own (<see cref="ITurns"/>), in which a pick costs the
/// same whatever the number of endpoints. The rounds are laid out here, off the workers.
/// </summary>
internal sealed class WeightedRound : ILoadBalancer
{
    // How much further than the lightest endpoint's weight says a turn may be put off by requests under way or by a slow start.
    private const double ChangingWeights = 4096;

    private readonly Endpoint[] _endpoints;
    private readonly double _bias;
    private readonly SlowStart? _slowStart;
    private readonly long[] _healthySince;
    private readonly double _heaviest;
    private readonly ITurns[] _rounds;

    /// <summary>A balancer over at least one endpoint.</summary>
    /// <param name="endpoints">The endpoints.</param>
    /// <param name="bias">How much requests under way count: 0 for not at all, which is round robin.</param>
    /// <param name="slowStart">How new endpoints start; null for at once.</param>
    /// <param name="workers">Number of workers.</param>
    public WeightedRound(Endpoint[] endpoints, double bias, SlowStart? slowStart, int workers)
    {
        _endpoints = endpoints;
        _bias = bias;
        _slowStart = slowStart;
        _heaviest = endpoints.Max(static endpoint => endpoint.Config.Weight);
        var time = endpoints[0].State.Cluster.Time;
        _healthySince = slowStart is null ? [] : Array.ConvertAll(endpoints, static endpoint => endpoint.State.HealthySince);

        // Rounds that are laid out at the same instant, as those of localities, begin differently too.
        var random = new WorkerRandom((ulong)time.GetTimestamp() ^ ((ulong)(uint)endpoints[0].Config.Address.GetHashCode() << 32));
        var intervals = endpoints.Select((_, index) => Interval(StartingWeight(index, time))).ToArray();
        var longest = _heaviest / endpoints.Min(static endpoint => endpoint.Config.Weight) * (bias == 0.0 && slowStart is null ? 1.0 : ChangingWeights);
        _rounds = [.. Enumerable.Range(0, workers).Select(_ => ITurns.Of(intervals, Ticks(longest), random))];
    }

    public IEnumerable<Endpoint> Candidates => _endpoints;

    public Endpoint? Pick(in PickRequest request)
    {
        var round = _rounds[request.Worker.Index];
        var index = round.Take();
        round.Put(index, Interval(WeightOf(index, request.Worker)));
        return _endpoints[index];
    }

    private static ulong Ticks(double interval) => (ulong)Math.Min(Math.Round(interval * TurnWheel.Unit), long.MaxValue);

    private ulong Interval(double weight) => Ticks(_heaviest / weight);

    private double WeightOf(int index, Worker worker)
    {
        var endpoint = _endpoints[index];
        double weight = endpoint.Config.Weight;
        if (_slowStart is not null)
        {
            weight *= _slowStart.Factor(worker.NowMs - worker.MsOf(_healthySince[index]));
        }

        if (_bias == 0.0)
        {
            return weight;
        }

        var load = endpoint.State.PageOf(worker).ActiveRequests + 1.0;
        return weight / (_bias == 1.0 ? load : Math.Pow(load, _bias));
    }

    /// <summary>The weight that spreads the first turns: what is under way on each worker is not known here.</summary>
    private double StartingWeight(int index, TimeProvider time)
    {
        var weight = _endpoints[index].Config.Weight;
        return _slowStart is null ? weight : weight * _slowStart.Factor((long)time.GetElapsedTime(_healthySince[index]).TotalMilliseconds);
    }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Hashing with bounded loads (Mirrokni and others, 2016): a request whose endpoint has more than its share of what is under way goes to the first
/// that has not, in an order that the hash decides. A worker counts its own requests. Source: Envoy, <c>hash_balance_factor</c>.
/// </summary>
internal sealed class BoundedLoadBalancer(HashShare[] shares, IHashTable table, int balanceFactor) : ILoadBalancer
{
    // An order by hash that visits every endpoint needs no memory: equal steps, where the number of endpoints and the step have no common divisor.
    private readonly ulong[] _steps = [.. Enumerable.Range(1, Math.Max(1, shares.Length - 1)).Where(step => Divisor(step, shares.Length) == 1).Take(64).Select(static step => (ulong)step)];

    public IHashTable? Table => table;

    public IEnumerable<Endpoint> Candidates => shares.Select(static share => share.Endpoint);

    public Endpoint? Pick(in PickRequest request)
    {
        var hash = request.HashOrRandom();
        var first = table.IndexOf(hash, request.Attempt);

        // The request itself counts among the active ones already.
        var active = Math.Max(1, request.Worker.Stats.ReadGauge(request.State.Stats.RequestsActive.Index).Value);
        var slots = ((active * balanceFactor) + 99) / 100;
        var best = first;
        var least = Overload(first, slots, request.Worker);
        if (least <= 1.0)
        {
            return shares[first].Endpoint;
        }

        var step = _steps[hash % (ulong)_steps.Length];
        var place = (ulong)first;
        for (var i = 1; i < shares.Length; i++)
        {
            place = (place + step) % (ulong)shares.Length;
            var overload = Overload((int)place, slots, request.Worker);
            if (overload <= 1.0)
            {
                return shares[place].Endpoint;
            }

            if (overload < least)
            {
                (least, best) = (overload, (int)place);
            }
        }

        return shares[best].Endpoint;
    }

    private double Overload(int index, long slots, Worker worker)
    {
        var share = shares[index];
        return share.Endpoint.State.PageOf(worker).ActiveRequests / Math.Max(1.0, Math.Ceiling(slots * share.Weight));
    }

    private static int Divisor(int a, int b) => b == 0 ? a : Divisor(b, a % b);
}

namespace KubeProxyNet.Proxy.Upstream.CircuitBreaking;

/// <summary>
/// A number of things that all workers together may have at once. A worker takes from a small stock of its own, which it fills from the common one a few
/// at a time, so that the common one is not written at the rate of requests. The limit is never exceeded; what the stocks of other workers hold,
/// at most a thirty-second of it, may be missing. A limit under 64 for each worker has no stocks and is exact.
/// </summary>
internal sealed class ResourceLimit
{
    // A cache line apart, since workers write them at the rate of requests.
    private const int Stride = 16;
    private const int ShareOfStock = 64;

    private readonly int[] _stocks;
    private readonly int _workers;
    private int _portion;
    private long _max;
    private long _left;

    /// <summary>Makes a limit of which nothing is taken.</summary>
    /// <param name="max">0 or more.</param>
    /// <param name="workers">Workers that have a stock; 0 for a limit that is asked seldom, by <see cref="TryTakeExactly"/> alone.</param>
    public ResourceLimit(long max, int workers)
    {
        _max = max;
        _left = max;
        _workers = workers;
        _stocks = new int[workers * Stride];
        _portion = PortionOf(max);
    }

    public long Max => Volatile.Read(ref _max);

    /// <summary>How many are taken, as of some recent moment. Any thread may ask.</summary>
    public long InUse
    {
        get
        {
            var left = Volatile.Read(ref _left);
            for (var i = 0; i < _stocks.Length; i += Stride)
            {
                left += Volatile.Read(ref _stocks[i]);
            }

            return Math.Max(0, Max - left);
        }
    }

    /// <summary>How many are left, as of some recent moment. Any thread may ask.</summary>
    public long Remaining => Math.Max(0, Max - InUse);

    /// <summary>Changes the limit; what is taken beyond it stays taken until it is given back. One thread at a time.</summary>
    /// <returns>True where workers may hold more than they may now: each is to call <see cref="ReturnStock"/>.</returns>
    public bool Change(long max)
    {
        var by = max - _max;
        if (by == 0)
        {
            return false;
        }

        Volatile.Write(ref _max, max);
        Volatile.Write(ref _portion, PortionOf(max));
        Interlocked.Add(ref _left, by);
        return by < 0 && _workers > 0;
    }

    /// <summary>Gives back what a worker keeps for itself. Called by the worker of that index alone.</summary>
    public void ReturnStock(int worker)
    {
        ref var stock = ref _stocks[worker * Stride];
        Interlocked.Add(ref _left, stock);
        stock = 0;
    }

    /// <summary>Takes one. False where none is left. Called by the worker of that index alone.</summary>
    public bool TryTake(int worker)
    {
        ref var stock = ref _stocks[worker * Stride];
        if (stock > 0)
        {
            stock--;
            return true;
        }

        if (_portion > 0 && TryTakeCommon(_portion))
        {
            stock = _portion - 1;
            return true;
        }

        return TryTakeCommon(1);
    }

    /// <summary>Takes one, though none may be left.</summary>
    public void Take(int worker)
    {
        if (!TryTake(worker))
        {
            Interlocked.Decrement(ref _left);
        }
    }

    /// <summary>Gives one back.</summary>
    public void Return(int worker)
    {
        if (_portion == 0)
        {
            Interlocked.Increment(ref _left);
            return;
        }

        ref var stock = ref _stocks[worker * Stride];
        if (++stock >= 2 * _portion)
        {
            stock -= _portion;
            Interlocked.Add(ref _left, _portion);
        }
    }

    /// <summary>Takes one of a limit without stocks. Any worker may call.</summary>
    public bool TryTakeExactly() => TryTakeCommon(1);

    /// <summary>Gives one back to a limit without stocks.</summary>
    public void ReturnExactly() => Interlocked.Increment(ref _left);

    private int PortionOf(long max) => _workers == 0 ? 0 : (int)Math.Min(max / ((long)ShareOfStock * _workers), 1024);

    private bool TryTakeCommon(int count)
    {
        var left = Volatile.Read(ref _left);
        while (left >= count)
        {
            var seen = Interlocked.CompareExchange(ref _left, left - count, left);
            if (seen == left)
            {
                return true;
            }

            left = seen;
        }

        return false;
    }
}

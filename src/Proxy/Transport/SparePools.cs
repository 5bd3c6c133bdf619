namespace KubeProxyNet.Proxy.Transport;

/// <summary>A pool whose <see cref="SpareLimit"/> rises and falls.</summary>
internal interface ISparePool
{
    /// <summary>A period is over. Returns how many bytes it has given up, roughly; <paramref name="goesOn"/> says whether there may be more after another one.</summary>
    long Fall(out bool goesOn);
}

/// <summary>Has the pools of a worker give back what a peak has left, period by period, for as long as any of them keeps more than always.</summary>
internal sealed class SparePools(Worker worker) : ITimerOwner
{
    /// <summary>Length of a period.</summary>
    public const int PeriodMs = 10_000;

    /// <summary>Bytes whose end is worth a collection: no other may come in a process that has nothing to do any more.</summary>
    private const long WorthCollecting = 32 * 1024 * 1024;

    private readonly List<ISparePool> _pools = [];
    private DeadlineTimer? _timer;
    private bool _isArmed;
    private long _givenUp;

    /// <summary>Timers that it has in the worker's wheel.</summary>
    public int Timers => _isArmed ? 1 : 0;

    /// <summary>Takes in a pool of the worker.</summary>
    public void Add(ISparePool pool) => _pools.Add(pool);

    /// <summary>A pool keeps more than always.</summary>
    public void OnRaised()
    {
        if (!_isArmed)
        {
            _isArmed = true;
            worker.SetTimer(_timer ??= new DeadlineTimer(this), PeriodMs);
        }
    }

    void ITimerOwner.OnDeadline(DeadlineTimer timer)
    {
        _isArmed = false;
        var goesOn = false;
        foreach (var pool in _pools)
        {
            _givenUp += pool.Fall(out var again);
            goesOn |= again;
        }

        if (_givenUp >= WorthCollecting)
        {
            _givenUp = 0;
            ThreadPool.UnsafeQueueUserWorkItem(static _ => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false), null);
        }

        if (goesOn)
        {
            OnRaised();
        }
    }
}

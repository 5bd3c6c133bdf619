namespace KubeProxyNet.Proxy.Transport;

/// <summary>A wait for time to pass, which its owner may end early. Used again and again; belongs to one worker.</summary>
internal sealed class LoopDelay : ITimerOwner
{
    private readonly Worker _worker;
    private readonly DeadlineTimer _timer;
    private readonly LoopSignal _passed;

    public LoopDelay(Worker worker)
    {
        _worker = worker;
        _timer = new DeadlineTimer(this);
        _passed = new LoopSignal(worker);
    }

    /// <summary>Await the result: it ends after so many milliseconds, or with <see cref="End"/>.</summary>
    public LoopSignal Start(long delayMs)
    {
        _passed.Reset();
        if (delayMs <= 0)
        {
            _passed.Set();
        }
        else
        {
            _worker.SetTimer(_timer, delayMs);
        }

        return _passed;
    }

    /// <summary>Ends the wait now. Without a wait it does nothing.</summary>
    public void End()
    {
        _worker.Timers.Clear(_timer);
        _worker.Timers.Remove(_timer);
        _passed.Set();
    }

    void ITimerOwner.OnDeadline(DeadlineTimer timer) => _passed.Set();
}

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>Endpoints whose first check is still to end. As in Envoy, a proxy that starts is ready when there is none left. Any thread may call.</summary>
internal sealed class FirstChecks
{
    private int _pending;
    private TaskCompletionSource? _waiter;

    /// <summary>Completes when no first check is pending.</summary>
    public Task Ended
    {
        get
        {
            var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var waiter = Interlocked.CompareExchange(ref _waiter, mine, null) ?? mine;
            if (Volatile.Read(ref _pending) == 0)
            {
                // The last one may have ended before anybody was there to be told.
                Interlocked.CompareExchange(ref _waiter, null, waiter);
                waiter.TrySetResult();
            }

            return waiter.Task;
        }
    }

    public void Begin() => Interlocked.Increment(ref _pending);

    public void End()
    {
        if (Interlocked.Decrement(ref _pending) == 0)
        {
            Interlocked.Exchange(ref _waiter, null)?.TrySetResult();
        }
    }
}

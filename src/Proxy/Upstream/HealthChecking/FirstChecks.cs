namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>Endpoints whose first check is still to end. As in Envoy, a proxy that starts is ready when there is none left. Any thread may call.</summary>
internal sealed class FirstChecks
{
    private readonly Lock _gate = new();
    private int _pending;
    private TaskCompletionSource? _ended;

    /// <summary>Completes when no first check is pending.</summary>
    public Task Ended
    {
        get
        {
            lock (_gate)
            {
                return _pending == 0 ? Task.CompletedTask : (_ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
        }
    }

    public void Begin()
    {
        lock (_gate)
        {
            _pending++;
        }
    }

    public void End()
    {
        lock (_gate)
        {
            if (--_pending == 0)
            {
                _ended?.SetResult();
                _ended = null;
            }
        }
    }
}

namespace KubeProxyNet.Proxy.Transport;

/// <summary>Something that one task of a worker waits for and others of the same worker bring about. Used again and again.</summary>
internal sealed class LoopSignal(Worker worker) : ILoopAwaiter
{
    private LoopContinuation? _waiter;

    /// <summary>True where it was set since the last <see cref="Reset"/>.</summary>
    public bool IsCompleted { get; private set; }

    /// <summary>Resumes the waiter on the next turn of the loop, or whoever comes to wait.</summary>
    public void Set()
    {
        IsCompleted = true;
        if (_waiter is { } waiter)
        {
            _waiter = null;
            worker.Enqueue(waiter);
        }
    }

    public void Reset() => IsCompleted = false;

    public LoopSignal GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(LoopContinuation continuation) => _waiter = continuation;
}

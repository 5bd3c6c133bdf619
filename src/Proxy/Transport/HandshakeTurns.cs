namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// Handshakes that a worker works at in one turn of its loop. A step of one takes as long as dozens of requests: when many clients come at once, those who are
/// connected keep their latency, and the others wait in the order in which they came.
/// </summary>
internal sealed class HandshakeTurns(Worker worker)
{
    /// <summary>Steps a turn.</summary>
    public const int Steps = 4;

    private readonly Queue<LoopContinuation> _waiting = new();
    private int _left = Steps;

    /// <summary>Waits for the right to one step.</summary>
    public TurnAwaitable Next() => new(this);

    /// <summary>The loop's turn is over: those who have waited longest go on in the next.</summary>
    public void Renew()
    {
        _left = Steps;
        while (_left > 0 && _waiting.TryDequeue(out var next))
        {
            _left--;
            worker.Enqueue(next);
        }
    }

    private bool TryTake()
    {
        if (_left == 0 || _waiting.Count > 0)
        {
            return false;
        }

        _left--;
        return true;
    }

    /// <summary>Awaits a step.</summary>
    public readonly struct TurnAwaitable(HandshakeTurns turns) : ILoopAwaiter
    {
        public bool IsCompleted => turns.TryTake();

        public TurnAwaitable GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(LoopContinuation continuation) => turns._waiting.Enqueue(continuation);
    }
}

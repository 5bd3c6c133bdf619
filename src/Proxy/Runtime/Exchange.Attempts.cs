using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The attempts of an exchange to get a response: what bounds them, what is kept for another one. Made on first need and kept with the exchange.</summary>
internal sealed partial class Exchange
{
    private RetryState? _retryState;
    private ReplayBuffer? _replayBuffer;
    private LoopDelay? _backOff;
    private PendingRequest? _pending;
    private bool _gaveUpReplay;

    /// <summary>The limits of the cluster that the exchange counts against.</summary>
    public CircuitBreaker Breaker { get; set; } = null!;

    /// <summary>The retries; null where there is no policy.</summary>
    public RetryState? Retry { get; private set; }

    /// <summary>The body as far as it was sent behind a head that was sent before it was complete; null where nothing is kept.</summary>
    public ReplayBuffer? Replay { get; private set; }

    /// <summary>Why the attempt under way, or the last one, gave no response.</summary>
    public UpstreamFailure Failure { get; set; }

    /// <summary>The exchange's place in the queue for a connection.</summary>
    public PendingRequest Pending => _pending ??= new PendingRequest(Worker);

    /// <summary>Takes on the policy of a route, if it has one, and what the request says of retries, if it may.</summary>
    public void BeginRetries(RetryPolicy? policy, CompiledRetryHeaders? headers)
    {
        var state = _retryState ??= new RetryState();
        if (state.TryBegin(Worker, policy, headers, Request, Cluster!.State, Breaker))
        {
            Retry = state;
        }
        else
        {
            state.End();
        }
    }

    /// <summary>Keeps what goes upstream of a body that has not come to its end, where it may have to be sent again.</summary>
    public void KeepForReplay(ReadOnlySpan<byte> payload)
    {
        var isRetried = Retry is { IsActive: true };
        var isAbandoned = !KeepForMirror(payload);
        if (isRetried || (Route!.Forward!.InternalRedirects is not null && !_gaveUpReplay))
        {
            Replay = _replayBuffer ??= new ReplayBuffer(Worker.Blocks);
            Replay.Limit = Math.Min(ReplayBuffer.MaxBytes, Route!.Forward!.RequestBodyBufferLimit);
            if (!Replay.TryAppend(payload))
            {
                Replay = null;
                _gaveUpReplay = isAbandoned = true;
                Retry?.GiveUpReplay();
            }
        }

        // Retries count it themselves.
        if (isAbandoned && !isRetried)
        {
            Worker.Stats.Increment(Cluster!.State.Stats.RetryOrShadowAbandoned);
        }
    }

    /// <summary>Await the result: a wait before the next attempt, which an abort ends.</summary>
    public LoopSignal BackOff(long delayMs) => (_backOff ??= new LoopDelay(Worker)).Start(delayMs);

    private void WakeAttempt()
    {
        Upstream?.Connection.Interrupt();
        _backOff?.End();
        _pending?.Over.Set();
    }

    private void ResetAttempts()
    {
        if (Retry is not null)
        {
            Retry.End();
            Retry = null;
        }

        if (Replay is not null)
        {
            Replay.Clear();
            Replay = null;
        }

        _gaveUpReplay = _isBuffering = false;
        ResetMirror();

        Failure = UpstreamFailure.None;
    }
}

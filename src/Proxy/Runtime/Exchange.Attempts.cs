using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The attempts of an exchange to get a response: what bounds them, what is kept for another one. Made on first need and kept with the exchange.</summary>
internal sealed partial class Exchange
{
    private RetryState? _retryState;
    private ReplayBuffer? _replayBuffer;
    private readonly UpstreamAttempt _attempt;
    private HedgedAttempts? _hedgedAttempts;
    private bool _gaveUpReplay;
    private int _freeAttempts;

    /// <summary>Bytes of a body that are kept for an endpoint of HTTP/2 that may refuse the stream, where no policy asks for more.</summary>
    private const int MaxKeptForRefusal = 64 * 1024;

    /// <summary>How often a request is sent again because an endpoint refused it, before a retry policy is asked.</summary>
    private const int MaxFreeAttempts = 2;

    /// <summary>As <see cref="MaxFreeAttempts"/>, where it was the connection that went away: one under load may meet several of them in a row.</summary>
    private const int MaxFreeAttemptsElsewhere = 20;

    /// <summary>The limits of the cluster that the exchange counts against.</summary>
    public CircuitBreaker Breaker { get; set; } = null!;

    /// <summary>The retries; null where there is no policy.</summary>
    public RetryState? Retry { get; private set; }

    /// <summary>The body as far as it was sent behind a head that was sent before it was complete; null where nothing is kept.</summary>
    public ReplayBuffer? Replay { get; private set; }

    /// <summary>The attempt that logs show and whose response is passed on: the latest, or the one that won.</summary>
    public UpstreamAttempt Attempt { get; set; }

    /// <summary>The attempt that the exchange begins with; others run beside it only where the route hedges.</summary>
    public UpstreamAttempt OwnAttempt => _attempt;

    /// <summary>The attempts that run beside each other; null where there is one at a time.</summary>
    public HedgedAttempts? Hedged { get; private set; }

    /// <summary>Takes on the policy of a route, if it has one, and what the request says of retries, if it may.</summary>
    public void BeginRetries(RetryPolicy? policy, CompiledRetryHeaders? headers)
    {
        var state = _retryState ??= new RetryState();
        if (state.TryBegin(Worker, policy, headers, Request, Cluster!.State, Breaker, Snapshot.RuntimeValues))
        {
            Retry = state;
        }
        else
        {
            state.End();
        }
    }

    /// <summary>One more attempt that no retry policy has to allow. False where there were as many as there may be.</summary>
    /// <param name="isElsewhere">True where the connection of the last one is gone.</param>
    public bool TryTakeFreeAttempt(bool isElsewhere) => _freeAttempts++ < (isElsewhere ? MaxFreeAttemptsElsewhere : MaxFreeAttempts);

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
        else if (!_gaveUpReplay && !IsResponseStarted && Attempt.IsHttp2)
        {
            Replay = _replayBuffer ??= new ReplayBuffer(Worker.Blocks);
            Replay.Limit = MaxKeptForRefusal;
            if (!Replay.TryAppend(payload))
            {
                Replay = null;
                _gaveUpReplay = true;
            }
        }
        else
        {
            DropReplay();
        }

        // Retries count it themselves.
        if (isAbandoned && !isRetried)
        {
            Worker.Stats.Increment(Cluster!.State.Stats.RetryOrShadowAbandoned);
        }
    }

    /// <summary>The response goes to the client, and the request is not sent again: what was kept of its body for an endpoint that refuses it is given back.</summary>
    public void EndReplay()
    {
        if (Replay is not null && Retry is not { IsActive: true })
        {
            DropReplay();
        }
    }

    /// <summary>What is kept of the body is not all of it any more.</summary>
    private void DropReplay()
    {
        Replay?.Clear();
        Replay = null;
        _gaveUpReplay = true;
    }

    /// <summary>Another attempt, beside those that run.</summary>
    public UpstreamAttempt BeginHedge()
    {
        if (Hedged is null)
        {
            Hedged = _hedgedAttempts ??= new HedgedAttempts(Worker);
            Hedged.Begin(_attempt);
        }

        return Hedged.Add(this);
    }

    /// <summary>The response of an attempt begins to go to the client: no other one is made beside it any more, and those that run end.</summary>
    public void Settle(UpstreamAttempt winner)
    {
        if (Hedges)
        {
            EndAttemptTime();
            if (Hedged is { Winner: null } hedged)
            {
                Attempt = winner;
                NoteSessionEndpoint(winner.Endpoint!);
                hedged.Win(winner);
                Retry?.Conclude();
            }
        }
    }

    private void WakeAttempts()
    {
        if (Hedged is { } hedged)
        {
            hedged.Wake();
        }
        else
        {
            _attempt.Wake();
        }
    }

    private void ResetHedging()
    {
        if (Hedged is not null)
        {
            Hedged.Reset();
            Hedged = null;
            Attempt = _attempt;
        }
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
        _freeAttempts = 0;
        ResetMirror();
        ResetHedging();
    }
}

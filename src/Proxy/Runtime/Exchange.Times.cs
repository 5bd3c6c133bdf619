using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What bounds an exchange in time. All of it is one deadline on the client's connection: the earliest.</summary>
internal sealed partial class Exchange
{
    /// <summary>Bytes a second that a client must send of a body, and take of a response, while it is waited for.</summary>
    public const int MinRate = 240;

    /// <summary>What a body may take beyond its rate.</summary>
    public const long RateGraceMs = 5_000;

    /// <summary>Longest time in which a client takes nothing.</summary>
    public const long WriteStallMs = 20_000;

    private long _routeTimeoutMs;
    private long _perTryTimeoutMs;
    private long _perTryIdleMs;
    private long _attemptDeadlineMs = DeadlineTimer.Never;
    private long _attemptIdleDeadlineMs = DeadlineTimer.Never;
    private UpstreamAttempt? _timed;
    private long _streamIdleMs;
    private long _requestTimeoutMs;
    private long _maxDurationMs;
    private long _clientDeadlineMs = DeadlineTimer.Never;
    private long _waitStartMs;
    private long _waitedForBodyMs;
    private long _sentBefore;
    private bool _waitsForReader;

    /// <summary>When the route's timeout passes; it runs from the end of the request. <see cref="DeadlineTimer.Never"/> before.</summary>
    public long RouteDeadlineMs { get; private set; } = DeadlineTimer.Never;

    /// <summary>Limit from the end of the request to the end of the response; 0 for none.</summary>
    public long RouteTimeoutMs => _routeTimeoutMs;

    /// <summary>
    /// What the upstream is told of the time that it has: an attempt's or, without one or where it goes on after that, the route's, for a later attempt what is
    /// left of it; 0 for none.
    /// </summary>
    public long ExpectedTimeoutMs
    {
        get
        {
            var expected = _perTryTimeoutMs > 0 && !Hedges ? _perTryTimeoutMs : _routeTimeoutMs;
            return Attempts > 1 && RouteDeadlineMs != DeadlineTimer.Never ? Math.Max(1, Math.Min(expected, RouteDeadlineMs - Worker.NowMs)) : expected;
        }
    }

    /// <summary>Longest life of the exchange; 0 for any.</summary>
    public long MaxDurationMs => _maxDurationMs;

    /// <summary>True where an attempt goes on when its time has passed, and another one is made beside it.</summary>
    public bool Hedges { get; private set; }

    /// <summary>
    /// A forwarding route's own times go before its connection manager's, and those of the request's headers before the route's (Envoy documentation,
    /// <c>x-envoy-upstream-rq-timeout-ms</c>); zero is none.
    /// </summary>
    public void TakeTimesOf(CompiledForward forward)
    {
        var action = forward.Source;
        var retries = forward.RetryPolicy;
        Hedges = forward.HedgesOnPerTryTimeout;
        _routeTimeoutMs = (long)action.Timeout.TotalMilliseconds;
        _perTryTimeoutMs = (long)(retries?.PerTryTimeout?.TotalMilliseconds ?? 0);
        _perTryIdleMs = (long)(retries?.PerTryIdleTimeout?.TotalMilliseconds ?? 0);
        _upstreamStreamMs = (Cluster?.Config.MaxStreamDuration.Ticks ?? 0) / TimeSpan.TicksPerMillisecond;
        if (action.GrpcTimeout is { BoundsStream: false } asked && IsGrpc)
        {
            _routeTimeoutMs = GrpcRouteTimeoutMs(asked);
        }

        if (Request.Present.Contains(KnownHeader.XEnvoyControl))
        {
            _routeTimeoutMs = HeaderOr("x-envoy-upstream-rq-timeout-ms"u8, _routeTimeoutMs);
            _perTryTimeoutMs = HeaderOr("x-envoy-upstream-rq-per-try-timeout-ms"u8, _perTryTimeoutMs);
            _upstreamStreamMs = HeaderOr("x-envoy-upstream-stream-duration-ms"u8, _upstreamStreamMs);
            if (Request.TryGet("x-envoy-hedge-on-per-try-timeout"u8, out var hedge))
            {
                Hedges = hedge.SequenceEqual("true"u8) || (Hedges && !hedge.SequenceEqual("false"u8));
            }
        }

        if (_routeTimeoutMs > 0 && _perTryTimeoutMs >= _routeTimeoutMs)
        {
            _perTryTimeoutMs = 0;
        }

        if (action.IdleTimeout is { } idle)
        {
            _streamIdleMs = (long)idle.TotalMilliseconds;
        }

        var wasBounded = _maxDurationMs > 0;
        if (action.MaxStreamDuration is { } longest)
        {
            _maxDurationMs = (long)longest.TotalMilliseconds;
        }

        if (action.GrpcTimeout is { BoundsStream: true } policy)
        {
            TakeStreamDuration(policy, wasBounded);
        }
    }

    /// <summary>
    /// Notes the end of the request and starts the route's timeout, which runs from here (Envoy's route timeout). A request for an upgrade
    /// does not end with its head: its timeout never starts.
    /// </summary>
    public void MarkRequestEnd()
    {
        if (Upgrade == UpgradeKind.None)
        {
            RequestEndMs = Worker.NowMs;
            if (_routeTimeoutMs > 0)
            {
                RouteDeadlineMs = Worker.NowMs + _routeTimeoutMs;
            }

            if (_timed is not null && _perTryTimeoutMs > 0)
            {
                _attemptDeadlineMs = Worker.NowMs + _perTryTimeoutMs;
            }
        }

        MarkActivity();
    }

    /// <summary>The request goes to an endpoint: what bounds an attempt starts, or waits for the end of the request.</summary>
    public void BeginAttemptTime(UpstreamAttempt attempt)
    {
        if (_upstreamStreamMs > 0)
        {
            BeginUpstreamStream(attempt);
        }

        if ((_perTryTimeoutMs | _perTryIdleMs) != 0 && Upgrade == UpgradeKind.None)
        {
            _timed = attempt;
            if (RequestEndMs != 0 && _perTryTimeoutMs > 0)
            {
                _attemptDeadlineMs = Worker.NowMs + _perTryTimeoutMs;
            }

            MarkActivity();
        }
    }

    /// <summary>An attempt has ended, or its response has begun.</summary>
    public void EndAttemptTime(UpstreamAttempt attempt)
    {
        if (_timed == attempt)
        {
            EndAttemptTime();
        }
    }

    private void EndAttemptTime()
    {
        if (_timed is not null)
        {
            _timed = null;
            _attemptDeadlineMs = _attemptIdleDeadlineMs = DeadlineTimer.Never;
            MarkActivity();
        }
    }

    /// <summary>A byte moved: the stream idle timeout starts anew. The earliest of all deadlines is armed.</summary>
    public void MarkActivity()
    {
        var deadline = RouteDeadlineMs;
        if (_streamIdleMs > 0)
        {
            deadline = Math.Min(deadline, Worker.NowMs + _streamIdleMs);
        }

        if (_requestTimeoutMs > 0 && RequestEndMs == 0 && Upgrade == UpgradeKind.None)
        {
            deadline = Math.Min(deadline, StartMs + _requestTimeoutMs);
        }

        if (_maxDurationMs > 0)
        {
            deadline = Math.Min(deadline, StartMs + _maxDurationMs);
        }

        if (_upstreamStreamMs > 0)
        {
            deadline = Math.Min(deadline, UpstreamStreamDeadlineMs);
        }

        if (_timed is not null)
        {
            deadline = Math.Min(deadline, _attemptDeadlineMs);
            if (_perTryIdleMs > 0 && (!Hedges || RequestEndMs != 0))
            {
                _attemptIdleDeadlineMs = Worker.NowMs + _perTryIdleMs;
                deadline = Math.Min(deadline, _attemptIdleDeadlineMs);
            }
        }

        deadline = Math.Min(deadline, _clientDeadlineMs);
        if (deadline == DeadlineTimer.Never)
        {
            Downstream.Io.ClearDeadline();
        }
        else
        {
            Worker.Timers.Set(Downstream.Io.Timer, deadline);
        }
    }

    /// <summary>
    /// Nothing can go on before the client sends more of its body. It gets <see cref="RateGraceMs"/> and the time that what it has sent
    /// takes at <see cref="MinRate"/>; waiting for others does not count.
    /// </summary>
    public void BeginWaitForBody()
    {
        if (_state!.GuardsRates && Upgrade == UpgradeKind.None)
        {
            _waitStartMs = Worker.NowMs;
            _clientDeadlineMs = _waitStartMs + Math.Max(0, RateGraceMs + (BytesReceived * 1000 / MinRate) - _waitedForBodyMs);
            MarkActivity();
        }
    }

    /// <summary>Nothing can go on before the client has taken more of its response. It must take <see cref="MinRate"/> over each <see cref="WriteStallMs"/>.</summary>
    public void BeginWaitForReader()
    {
        if (_state!.GuardsRates)
        {
            _waitsForReader = true;
            ArmReaderDeadline();
        }
    }

    /// <summary>The client moved.</summary>
    public void EndWait()
    {
        if (_clientDeadlineMs == DeadlineTimer.Never)
        {
            return;
        }

        _waitedForBodyMs += _waitsForReader ? 0 : Worker.NowMs - _waitStartMs;
        _waitsForReader = false;
        _clientDeadlineMs = DeadlineTimer.Never;
    }

    /// <summary>The deadline passed: which of them it was; none where a slow reader has taken enough to go on.</summary>
    public AbortReason PassedDeadline()
    {
        var now = Worker.NowMs;
        if (now >= RouteDeadlineMs)
        {
            return AbortReason.RouteTimeout;
        }

        if (_maxDurationMs > 0 && now >= StartMs + _maxDurationMs)
        {
            return AbortReason.MaxDuration;
        }

        if (_upstreamStreamMs > 0 && PassedUpstreamStream(now) is { } late)
        {
            return EndUpstreamStream(late);
        }

        if (_timed is { } attempt && now >= Math.Min(_attemptDeadlineMs, _attemptIdleDeadlineMs))
        {
            // That ends the attempt, or begins another one beside it, and not the exchange.
            if (Hedges)
            {
                attempt.HasSoftlyTimedOut = true;
            }
            else
            {
                attempt.Failure = now >= _attemptDeadlineMs ? UpstreamFailure.PerTryTimeout : UpstreamFailure.PerTryIdleTimeout;
            }

            EndAttemptTime();
            attempt.Upstream?.Io.Interrupt();
            return AbortReason.None;
        }

        if (_requestTimeoutMs > 0 && RequestEndMs == 0 && Upgrade == UpgradeKind.None && now >= StartMs + _requestTimeoutMs)
        {
            return AbortReason.RequestTimeout;
        }

        if (now < _clientDeadlineMs)
        {
            return AbortReason.IdleTimeout;
        }

        if (!_waitsForReader)
        {
            return AbortReason.SlowBody;
        }

        if (Downstream.Io.BytesSent - _sentBefore < MinRate * WriteStallMs / 1000)
        {
            return AbortReason.SlowReader;
        }

        ArmReaderDeadline();
        return AbortReason.None;
    }

    private long HeaderOr(ReadOnlySpan<byte> name, long otherwise) =>
        Request.TryGet(name, out var text) && RetryConditions.TryParseNumber(text, out var milliseconds) ? milliseconds : otherwise;

    private void ArmReaderDeadline()
    {
        _sentBefore = Downstream.Io.BytesSent;
        _clientDeadlineMs = Worker.NowMs + WriteStallMs;
        MarkActivity();
    }

    private void ResetTimes()
    {
        RouteDeadlineMs = _clientDeadlineMs = _attemptDeadlineMs = _attemptIdleDeadlineMs = DeadlineTimer.Never;
        _timed = null;
        _upstreamStreamMs = 0;
        Hedges = false;
        ResetGrpc();
        _waitedForBodyMs = 0;
        _waitsForReader = false;
    }
}

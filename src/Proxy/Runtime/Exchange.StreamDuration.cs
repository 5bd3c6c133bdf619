using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <content>
/// How long an attempt may take from its connection to the end of its response: a cluster's <c>max_stream_duration</c>, or what the request says in
/// <c>x-envoy-upstream-stream-duration-ms</c>. Unlike the other times of an attempt it goes on when the response has begun.
/// </content>
internal sealed partial class Exchange
{
    private long _upstreamStreamMs;

    /// <summary>An attempt's request goes out: its time starts.</summary>
    private void BeginUpstreamStream(UpstreamAttempt attempt)
    {
        attempt.StreamDeadlineMs = Worker.NowMs + _upstreamStreamMs;
        MarkActivity();
    }

    /// <summary>The earliest of the attempts' deadlines.</summary>
    private long UpstreamStreamDeadlineMs => Hedged?.EarliestStreamDeadlineMs ?? _attempt.StreamDeadlineMs;

    /// <summary>The attempt whose time has passed; null where none has.</summary>
    private UpstreamAttempt? PassedUpstreamStream(long now) =>
        now < UpstreamStreamDeadlineMs ? null : Hedged is { } hedged ? hedged.PassedStream(now) : _attempt;

    /// <summary>An attempt's time has passed: it ends, and with it the exchange where its response has begun.</summary>
    private AbortReason EndUpstreamStream(UpstreamAttempt attempt)
    {
        attempt.StreamDeadlineMs = DeadlineTimer.Never;
        Worker.Stats.Increment(Cluster!.State.Stats.RequestMaxDurationReached);
        if (attempt == Attempt && (IsResponseStarted || IsTunnel))
        {
            return AbortReason.StreamDuration;
        }

        if (attempt.Failure == UpstreamFailure.None)
        {
            attempt.Failure = UpstreamFailure.StreamDuration;
        }

        MarkActivity();
        attempt.Upstream?.Io.Interrupt();
        return AbortReason.None;
    }
}

using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>What takes the place of an attempt that has ended.</summary>
internal enum NextAttempt : byte
{
    None,

    /// <summary>On a new connection: the other kept ones may have gone the same way.</summary>
    AtOnce,

    AfterBackOff,
}

/// <summary>Settles what becomes of an attempt's connection, and of the exchange: either it is answered, or it goes on.</summary>
internal static class AttemptOutcome
{
    public static NextAttempt Settle(UpstreamAttempt attempt, UpstreamStream? upstream, EndpointPage page, RelayOutcome outcome, bool isKept)
    {
        var exchange = attempt.Exchange;
        if (outcome is RelayOutcome.Complete or RelayOutcome.Redirected)
        {
            page.FailedRequests += exchange.Status >= 500 || attempt.HasFailedByGrpc ? 1 : 0;
            GiveBack(exchange, upstream!);
            return NextAttempt.None;
        }

        if (outcome is RelayOutcome.Unwanted or RelayOutcome.Dropped)
        {
            page.FailedRequests++;
            GiveBack(exchange, upstream!);
            return outcome == RelayOutcome.Unwanted ? NextAttempt.AfterBackOff : NextAttempt.None;
        }

        if (outcome == RelayOutcome.TooLong)
        {
            // The endpoint did nothing wrong: it counts as one whose request was taken back.
            var stats = exchange.Cluster!.State.Stats;
            exchange.Worker.Stats.Increment(stats.RequestLocalReset);
            CountEnd(attempt, exchange.Worker.Stats, stats.DestroyLocalWithActive);
            upstream!.Close();
            exchange.EndHeldResponse();
            LocalReplies.ResponseBufferExceeded(exchange);
            return NextAttempt.None;
        }

        var failure = FailureOf(attempt, outcome, upstream);
        var isUntouched = failure == UpstreamFailure.Overflow;
        var wasAnswered = upstream is not null && !isUntouched && !upstream.IsUnanswered;
        if (failure == UpstreamFailure.Reset && upstream?.Carrier.Tls is not null)
        {
            attempt.TransportFailure = upstream.FindTransportFailure();
        }

        // What carried the attempt may serve another one as soon as it is given back.
        var details = failure == UpstreamFailure.ProtocolError ? upstream!.ProtocolErrorDetails : "";
        var isLeftBehind = upstream?.Loss == StreamLoss.LeftBehind;
        attempt.RefusedBy = failure == UpstreamFailure.RefusedStream ? upstream!.Carrier : null;
        if (isUntouched)
        {
            upstream?.Release();
        }
        else
        {
            upstream?.Close();
        }

        if (exchange.Hedged?.HasLost(attempt) == true)
        {
            CountFailure(attempt, UpstreamFailure.Superseded);
            return NextAttempt.None;
        }

        page.FailedRequests++;
        if (failure == UpstreamFailure.Reset && isKept && !wasAnswered && CanSendAgain(attempt))
        {
            page.FailedRequests--;
            attempt.Failure = UpstreamFailure.None;
            exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.RequestRetry);
            return NextAttempt.AtOnce;
        }

        if (failure == UpstreamFailure.RefusedStream && MayBeReplayed(attempt) && exchange.TryTakeFreeAttempt(isElsewhere: isLeftBehind))
        {
            page.FailedRequests--;
            attempt.Failure = UpstreamFailure.None;
            exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.RequestRetry);
            return NextAttempt.AtOnce;
        }

        var isRetried = IsRetried(attempt, failure, wasSent: upstream is not null);
        CountFailure(attempt, failure);
        exchange.EndHeldResponse();
        if (isRetried)
        {
            attempt.Failure = UpstreamFailure.None;
            return NextAttempt.AfterBackOff;
        }

        // Another attempt may still bring a response; the last one answers.
        if (exchange.Hedged is not { IsOpen: true })
        {
            UpstreamFailureReplies.Answer(exchange, failure, details);
        }

        return NextAttempt.None;
    }

    /// <summary>Asks the retry policy. What was retried by hedging is not retried again.</summary>
    private static bool IsRetried(UpstreamAttempt attempt, UpstreamFailure failure, bool wasSent)
    {
        var exchange = attempt.Exchange;
        if (exchange.Retry is not { } retry || exchange.IsResponseStarted || exchange.HeldResponse is not null || failure == UpstreamFailure.Aborted || attempt.IsHedged || exchange.Hedged?.Winner is not null)
        {
            return false;
        }

        switch (retry.Judge(failure, wasSent))
        {
            case RetryVerdict.Retry:
                return true;
            case RetryVerdict.LimitExceeded:
                exchange.Flags |= ResponseFlags.UpstreamRetryLimitExceeded;
                break;
            case RetryVerdict.Overflow:
                exchange.Flags |= ResponseFlags.UpstreamOverflow;
                break;
        }

        return false;
    }

    private static bool CanSendAgain(UpstreamAttempt attempt) =>
        !attempt.Exchange.IsResponseStarted && !attempt.IsHedged
        && attempt.Exchange.Downstream.IsRequestBuffered && UpstreamAcquisition.IsIdempotent(attempt.Exchange.Request.Method);

    /// <summary>True where all that was sent of the request is still here. What of it was not processed may be sent again whatever its method is (RFC 9113 section 8.7).</summary>
    private static bool MayBeReplayed(UpstreamAttempt attempt)
    {
        var exchange = attempt.Exchange;
        return !exchange.IsResponseStarted && !attempt.IsHedged && !exchange.IsTunnel
            && (exchange.Downstream.IsRequestBuffered || exchange.Replay is not null || exchange.Upgrade is UpgradeKind.Protocol or UpgradeKind.Connect);
    }

    private static void GiveBack(Exchange exchange, UpstreamStream upstream)
    {
        if (exchange.Downstream.IsRequestComplete && !exchange.IsTunnel)
        {
            upstream.Release();
        }
        else
        {
            upstream.Close();
        }
    }

    private static UpstreamFailure FailureOf(UpstreamAttempt attempt, RelayOutcome outcome, UpstreamStream? upstream) => outcome switch
    {
        RelayOutcome.Malformed => UpstreamFailure.ProtocolError,
        RelayOutcome.Aborted => attempt.Exchange.Abort != AbortReason.None ? UpstreamFailure.Aborted : attempt.Failure,
        _ => upstream!.Loss switch
        {
            StreamLoss.Reset => UpstreamFailure.RemoteReset,
            StreamLoss.Refused or StreamLoss.LeftBehind => UpstreamFailure.RefusedStream,
            StreamLoss.Violation => UpstreamFailure.ProtocolError,
            _ => UpstreamFailure.Reset,
        },
    };

    private static void CountFailure(UpstreamAttempt attempt, UpstreamFailure failure)
    {
        OutlierReports.Failed(attempt, failure);
        var exchange = attempt.Exchange;
        var stats = exchange.Cluster!.State.Stats;
        var page = exchange.Worker.Stats;
        switch (failure)
        {
            case UpstreamFailure.Aborted when attempt.StartMs != 0:
                page.Increment(exchange.Abort == AbortReason.RouteTimeout ? stats.RequestTimeout
                    : exchange.Abort == AbortReason.ClientGone ? stats.RequestCancelled : stats.RequestLocalReset);
                CountEnd(attempt, page, stats.DestroyLocalWithActive);
                break;
            case UpstreamFailure.Superseded:
                page.Increment(attempt.StartMs != 0 ? stats.RequestLocalReset : stats.RequestCancelled);
                if (attempt.StartMs != 0)
                {
                    CountEnd(attempt, page, stats.DestroyLocalWithActive);
                }

                break;
            case UpstreamFailure.StreamDuration:
                page.Increment(stats.RequestLocalReset);
                CountEnd(attempt, page, stats.DestroyLocalWithActive);
                break;
            case UpstreamFailure.ProtocolError:
                // That of a connection which is shared is counted there.
                page.Increment(attempt.IsHttp2 ? stats.RequestLocalReset : stats.ProtocolError);
                break;
            case UpstreamFailure.RemoteReset:
                page.Increment(stats.RequestRemoteReset);
                break;
            case UpstreamFailure.Reset:
                page.Add(stats.RequestRemoteReset, attempt.IsHttp2 ? 0 : 1);
                CountEnd(attempt, page, stats.DestroyRemoteWithActive);
                break;
            case UpstreamFailure.PerTryTimeout:
                page.Increment(stats.PerTryTimeout);
                page.Add(stats.RequestLocalReset, attempt.IsHttp2 ? 1 : 0);
                CountEnd(attempt, page, stats.DestroyLocalWithActive);
                break;
            case UpstreamFailure.PerTryIdleTimeout:
                page.Increment(stats.PerTryIdleTimeout);
                page.Add(stats.RequestLocalReset, attempt.IsHttp2 ? 1 : 0);
                CountEnd(attempt, page, stats.DestroyLocalWithActive);
                break;
        }
    }

    /// <summary>The connection ends with its request, unless others share it.</summary>
    private static void CountEnd(UpstreamAttempt attempt, StatPage page, Counter counter) => page.Add(counter, attempt.IsHttp2 ? 0 : 1);
}

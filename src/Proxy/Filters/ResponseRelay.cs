using KubeProxyNet.Proxy.Filters.InternalRedirects;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>How the response side of an attempt ended.</summary>
internal enum RelayOutcome : byte
{
    /// <summary>The whole response went to the client.</summary>
    Complete,

    /// <summary>The upstream closed or reset the connection too early.</summary>
    Disconnected,

    /// <summary>The upstream sent something that is no HTTP response.</summary>
    Malformed,

    /// <summary>The exchange was aborted, as <see cref="Exchange.Abort"/> says, or the attempt, as <see cref="Exchange.Failure"/> says.</summary>
    Aborted,

    /// <summary>The response's head has come, and the retry policy wants another one instead.</summary>
    Unwanted,

    /// <summary>The response's head has come; it is a redirect that is followed here.</summary>
    Redirected,
}

/// <summary>Reads a response from the upstream and passes it to the client's side as it arrives, no faster than the client takes it.</summary>
internal static class ResponseRelay
{
    /// <summary>Interim responses passed on before the upstream is taken to be broken.</summary>
    private const int MaxInterimResponses = 16;

    public static async LoopTask<RelayOutcome> RunAsync(Exchange exchange, UpstreamConnection upstream)
    {
        var interim = 0;
        while (true)
        {
            var read = upstream.TryReadHead();
            if (HasEnded(exchange))
            {
                return RelayOutcome.Aborted;
            }

            if (read == UpstreamRead.Ready)
            {
                exchange.UpstreamHeadBytes += upstream.HeadEnd;
                exchange.UpstreamResponseBeginMs = upstream.FirstByteMs;
                var verdict = Judge(exchange, upstream.Head, ref interim);
                if (verdict == HeadVerdict.Final)
                {
                    break;
                }

                if (verdict == HeadVerdict.Refused)
                {
                    return RelayOutcome.Malformed;
                }

                upstream.NextHead();
            }
            else if (read != UpstreamRead.NeedMore)
            {
                return read == UpstreamRead.Malformed ? RelayOutcome.Malformed : RelayOutcome.Disconnected;
            }
            else if (await upstream.Connection.Readable() == WaitResult.Interrupted)
            {
                return HasEnded(exchange) ? RelayOutcome.Aborted : RelayOutcome.Disconnected;
            }
        }

        exchange.UpstreamFirstByteMs = exchange.Worker.NowMs;
        exchange.EndAttemptTime();
        OutlierReports.Answered(exchange, upstream.Head);
        if (upstream.Head.Has(KnownHeader.XEnvoyOther) && upstream.Head.TryGet("x-envoy-immediate-health-check-fail"u8, out _))
        {
            upstream.Endpoint.HealthCheck?.FailAtOnce();
        }

        if (exchange.Retry is { } retry && WantsAnother(exchange, retry, upstream))
        {
            return RelayOutcome.Unwanted;
        }

        if (exchange.Route!.Forward!.InternalRedirects is { } redirects && InternalRedirect.TryFollow(exchange, redirects, upstream.Head))
        {
            DropBody(exchange, upstream);
            return RelayOutcome.Redirected;
        }

        var downstream = exchange.Downstream;
        if (exchange.Upgrade.IsAgreedBy(upstream.Head.Status))
        {
            downstream.SendHead(exchange, new UpstreamResponse(upstream.Head, BodyFraming.None, -1), default, end: false);
            upstream.DropHead();
            return await Tunnel.RunAsync(exchange, upstream);
        }

        upstream.BeginBody(exchange.IsHead);
        var turn = default(TurnBudget);
        var isHeadSent = false;
        while (true)
        {
            var spliced = 0;
            var payload = default(ReadOnlySpan<byte>);
            var isSpliced = isHeadSent && upstream.IsWorthSplicing && downstream.TakesPayloadAsItIs && downstream.Connection.CanSplice();
            switch (isSpliced ? upstream.TrySpliceBody(downstream.Connection, out spliced) : upstream.TryReadBody(out payload))
            {
                case UpstreamRead.Ready when spliced > 0:
                    turn.Spend(spliced);
                    exchange.NoteResponsePayload(spliced, upstream.IsResponseComplete);
                    exchange.MarkActivity();
                    break;
                case UpstreamRead.Ready:
                    turn.Spend(payload.Length);
                    Pass(exchange, upstream, payload, ref isHeadSent);
                    break;
                case UpstreamRead.NeedMore:
                    if (!isHeadSent)
                    {
                        Pass(exchange, upstream, default, ref isHeadSent);
                    }

                    turn.Renew();
                    await upstream.Connection.Readable();
                    break;
                case UpstreamRead.Malformed:
                    return RelayOutcome.Malformed;
                default:
                    return RelayOutcome.Disconnected;
            }

            if (IsAborted(exchange))
            {
                return RelayOutcome.Aborted;
            }

            if (isHeadSent && upstream.IsResponseComplete)
            {
                return RelayOutcome.Complete;
            }

            // What is left in the worker's receive buffer does not survive a suspension.
            if (upstream.HasUnreadInput)
            {
                continue;
            }

            if (downstream.IsCongested || turn.IsSpent)
            {
                turn.Renew();
                if (downstream.IsCongested)
                {
                    exchange.BeginWaitForReader();
                    await downstream.Connection.Drained();
                    exchange.EndWait();
                }
                else
                {
                    await exchange.Worker.NextTurn();
                }

                exchange.MarkActivity();
                if (IsAborted(exchange))
                {
                    return RelayOutcome.Aborted;
                }
            }
        }
    }

    /// <summary>True where the response is not passed on. What has come of it is dropped, which may be all.</summary>
    private static bool WantsAnother(Exchange exchange, RetryState retry, UpstreamConnection upstream)
    {
        switch (retry.Judge(upstream.Head))
        {
            case RetryVerdict.Retry:
                DropBody(exchange, upstream);
                return true;
            case RetryVerdict.LimitExceeded:
                exchange.Flags |= ResponseFlags.UpstreamRetryLimitExceeded;
                return false;
            case RetryVerdict.Overflow:
                exchange.Flags |= ResponseFlags.UpstreamOverflow;
                return false;
            default:
                return false;
        }
    }

    private static void DropBody(Exchange exchange, UpstreamConnection upstream)
    {
        upstream.BeginBody(exchange.IsHead);
        while (!upstream.IsResponseComplete && upstream.HasUnreadInput && upstream.TryReadBody(out _) == UpstreamRead.Ready)
        {
        }
    }

    private static bool HasEnded(Exchange exchange) => exchange.Abort != AbortReason.None || exchange.Failure != UpstreamFailure.None;

    /// <summary>Passes an interim response on.</summary>
    private static HeadVerdict Judge(Exchange exchange, ResponseHead head, ref int interim)
    {
        if (head.Status >= 200)
        {
            return HeadVerdict.Final;
        }

        if (head.Status == 101)
        {
            return MaySwitch(exchange, head) ? HeadVerdict.Final : HeadVerdict.Refused;
        }

        // 100 answers an expectation that was answered here, unless that is left to the upstream (RFC 9110 §10.1.1); HTTP/1.0 knows no
        // interim responses.
        if ((head.Status != 100 || exchange.Http.Proxy100Continue) && exchange.Request.MinorVersion == 1)
        {
            exchange.Downstream.SendInterim(head);
        }

        return ++interim > MaxInterimResponses ? HeadVerdict.Refused : HeadVerdict.Interim;
    }

    /// <summary>True where the upstream may switch protocols now: it was asked to, to what it says, and the request is over (RFC 9110 §7.8).</summary>
    private static bool MaySwitch(Exchange exchange, ResponseHead head) =>
        exchange.Upgrade == UpgradeKind.Protocol
        && exchange.Downstream.IsRequestComplete
        && head.TryGet(KnownHeader.Upgrade, out var agreed)
        && exchange.Request.TryGet(KnownHeader.Upgrade, out var wanted)
        && Ascii.EqualsIgnoreCase(agreed, wanted);

    private static void Pass(Exchange exchange, UpstreamConnection upstream, ReadOnlySpan<byte> payload, ref bool isHeadSent)
    {
        var end = upstream.IsResponseComplete;
        exchange.NoteResponsePayload(payload.Length, end);
        if (isHeadSent)
        {
            exchange.MarkActivity();
            exchange.Downstream.SendBody(payload, end);
            return;
        }

        isHeadSent = true;
        exchange.Downstream.SendHead(exchange, new UpstreamResponse(upstream.Head, upstream.Framing, upstream.DeclaredLength), payload, end);
        upstream.DropHead();
    }

    private enum HeadVerdict : byte
    {
        Final,
        Interim,
        Refused,
    }

    private static bool IsAborted(Exchange exchange)
    {
        if (exchange.Downstream.Connection.Error != 0)
        {
            exchange.AbortWith(AbortReason.ClientGone);
        }

        return exchange.Abort != AbortReason.None;
    }
}

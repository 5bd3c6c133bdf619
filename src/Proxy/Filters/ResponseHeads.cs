using KubeProxyNet.Proxy.Filters.Grpc;
using KubeProxyNet.Proxy.Filters.InternalRedirects;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>What a head that came from an upstream is.</summary>
internal enum HeadVerdict : byte
{
    Final,
    Interim,
    Refused,
}

/// <summary>Judges the heads of an attempt's responses: interim ones are passed on, of the final one it is settled whether the client gets it.</summary>
internal static class ResponseHeads
{
    /// <summary>Interim responses passed on before the upstream is taken to be broken.</summary>
    private const int MaxInterimResponses = 16;

    /// <summary>Takes a head that was read, and passes it on where it is an interim one.</summary>
    /// <param name="attempt">Whose head it is.</param>
    /// <param name="upstream">Holds it.</param>
    /// <param name="interim">How many interim ones there were.</param>
    public static HeadVerdict Take(UpstreamAttempt attempt, UpstreamStream upstream, ref int interim)
    {
        attempt.HeadBytes += upstream.HeadEnd;
        attempt.ResponseBeginMs = upstream.FirstByteMs;
        return Judge(attempt, upstream.Head, ref interim);
    }

    /// <summary>Settles what becomes of a response with a final head: <see cref="RelayOutcome.Complete"/> where it goes to the client, else why it does not.</summary>
    public static RelayOutcome Judge(UpstreamAttempt attempt, UpstreamStream upstream)
    {
        var exchange = attempt.Exchange;
        attempt.FirstByteMs = exchange.Worker.NowMs;
        AttemptRequest.EndLatency(attempt, upstream);
        exchange.EndAttemptTime(attempt);
        OutlierReports.Answered(attempt, upstream.Head);
        if (upstream.Head.Has(KnownHeader.GrpcStatus))
        {
            GrpcResults.Take(attempt, upstream.Head);
        }

        if (upstream.Head.Has(KnownHeader.XEnvoyOther) && upstream.Head.TryGet("x-envoy-immediate-health-check-fail"u8, out _))
        {
            upstream.Carrier.Endpoint.HealthCheck?.FailAtOnce();
        }

        var isUnwanted = false;
        if (exchange.Retry is { } retry && exchange.Hedged?.Winner is null)
        {
            isUnwanted = IsUnwanted(attempt, retry, upstream.Head, out var isRetried);
            if (isRetried)
            {
                DropBody(exchange, upstream);
                return RelayOutcome.Unwanted;
            }
        }

        if (exchange.Route!.Forward!.InternalRedirects is { } redirects && exchange.Call?.Web is null)
        {
            // What is composed of a head looks for it where the exchange points, and another attempt may have begun since.
            exchange.Attempt = attempt;
            if (InternalRedirect.TryFollow(exchange, redirects, upstream.Head))
            {
                exchange.Settle(attempt);
                DropBody(exchange, upstream);
                return RelayOutcome.Redirected;
            }
        }

        if (isUnwanted && exchange.Hedged is { IsOpen: true })
        {
            DropBody(exchange, upstream);
            return RelayOutcome.Dropped;
        }

        exchange.Settle(attempt);
        exchange.EndReplay();
        return RelayOutcome.Complete;
    }

    /// <summary>True where the retry policy would have another response.</summary>
    /// <param name="attempt">Whose response it is.</param>
    /// <param name="retry">The policy.</param>
    /// <param name="head">The response's head.</param>
    /// <param name="isRetried">True where it gets one. What was retried by hedging is not retried again.</param>
    private static bool IsUnwanted(UpstreamAttempt attempt, RetryState retry, ResponseHead head, out bool isRetried)
    {
        isRetried = false;
        if (attempt.IsHedged)
        {
            return retry.Covers(head);
        }

        switch (retry.Judge(head))
        {
            case RetryVerdict.Retry:
                isRetried = true;
                return true;
            case RetryVerdict.LimitExceeded:
                attempt.Exchange.Flags |= ResponseFlags.UpstreamRetryLimitExceeded;
                return true;
            case RetryVerdict.Overflow:
                attempt.Exchange.Flags |= ResponseFlags.UpstreamOverflow;
                return true;
            default:
                return false;
        }
    }

    /// <summary>Drops what has come of a body, which may be all.</summary>
    private static void DropBody(Exchange exchange, UpstreamStream upstream)
    {
        upstream.BeginBody(exchange.IsHead);
        while (!upstream.IsResponseComplete && upstream.HasUnreadInput && upstream.TryReadBody(out _) == UpstreamRead.Ready)
        {
        }
    }

    /// <summary>Passes an interim response on.</summary>
    private static HeadVerdict Judge(UpstreamAttempt attempt, ResponseHead head, ref int interim)
    {
        var exchange = attempt.Exchange;
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
            exchange.Settle(attempt);
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
        && Ascii.EqualsIgnoreCase(agreed, wanted)
        && (exchange.WebSocketKey is not { } key || IsAccepted(key, head));

    /// <summary>True where a key that was made up here is accepted. The client has not asked for it, and does not get to see the answer to it.</summary>
    private static bool IsAccepted(byte[] key, ResponseHead head)
    {
        var isAccepted = head.TryGet("sec-websocket-accept"u8, out var answer) && answer.SequenceEqual(WebSocketKeys.AcceptOf(key));
        head.Withhold(KnownHeader.Other, "sec-websocket-accept"u8);
        return isAccepted;
    }
}

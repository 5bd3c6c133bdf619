using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
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

    /// <summary>The exchange was aborted; <see cref="Exchange.Abort"/> says why.</summary>
    Aborted,
}

/// <summary>Reads a response from the upstream and passes it to the client's side as it arrives, no faster than the client takes it.</summary>
internal static class ResponseRelay
{
    /// <summary>Interim responses passed on before the upstream is taken to be broken.</summary>
    private const int MaxInterimResponses = 16;

    public static async LoopTask<RelayOutcome> RunAsync(Exchange exchange, UpstreamConnection upstream)
    {
        var outcome = await ReadFinalHeadAsync(exchange, upstream);
        if (outcome != RelayOutcome.Complete)
        {
            return outcome;
        }

        exchange.UpstreamFirstByteMs = exchange.Worker.NowMs;
        var downstream = exchange.Downstream;
        if (IsAgreed(exchange, upstream.Head.Status))
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
            switch (upstream.TryReadBody(out var payload))
            {
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

    private static async LoopTask<RelayOutcome> ReadFinalHeadAsync(Exchange exchange, UpstreamConnection upstream)
    {
        for (var interim = 0; interim <= MaxInterimResponses; interim++)
        {
            var read = await upstream.ReadHeadAsync();
            if (exchange.Abort != AbortReason.None)
            {
                return RelayOutcome.Aborted;
            }

            if (read != UpstreamRead.Ready)
            {
                return read == UpstreamRead.Malformed ? RelayOutcome.Malformed : RelayOutcome.Disconnected;
            }

            var head = upstream.Head;
            exchange.UpstreamHeadBytes += upstream.HeadEnd;
            exchange.UpstreamResponseBeginMs = upstream.FirstByteMs;
            if (head.Status >= 200)
            {
                return RelayOutcome.Complete;
            }

            if (head.Status == 101)
            {
                return MaySwitch(exchange, head) ? RelayOutcome.Complete : RelayOutcome.Malformed;
            }

            // 100 answers an expectation that was answered here (RFC 9110 §10.1.1); HTTP/1.0 knows no interim responses.
            if (head.Status != 100 && exchange.Request.MinorVersion == 1)
            {
                exchange.Downstream.SendInterim(head);
            }

            upstream.NextHead();
        }

        return RelayOutcome.Malformed;
    }

    /// <summary>True where the upstream may switch protocols now: it was asked to, to what it says, and the request is over (RFC 9110 §7.8).</summary>
    private static bool MaySwitch(Exchange exchange, ResponseHead head) =>
        exchange.Upgrade == UpgradeKind.Protocol
        && exchange.Downstream.IsRequestComplete
        && head.TryGet(KnownHeader.Upgrade, out var agreed)
        && exchange.Request.TryGet(KnownHeader.Upgrade, out var wanted)
        && Ascii.EqualsIgnoreCase(agreed, wanted);

    private static bool IsAgreed(Exchange exchange, int status) =>
        exchange.Upgrade == UpgradeKind.Protocol ? status == 101 : exchange.Upgrade == UpgradeKind.Connect && status is >= 200 and < 300;

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

    private static bool IsAborted(Exchange exchange)
    {
        if (exchange.Downstream.Connection.Error != 0)
        {
            exchange.AbortWith(AbortReason.ClientGone);
        }

        return exchange.Abort != AbortReason.None;
    }
}

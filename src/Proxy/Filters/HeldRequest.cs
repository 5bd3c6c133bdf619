using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>What came of holding a request until its body is whole.</summary>
internal enum HeldRequestOutcome : byte
{
    /// <summary>All of it is here.</summary>
    Whole,

    /// <summary>It is longer than it may be.</summary>
    TooLong,

    /// <summary>The exchange was aborted, as <see cref="Exchange.Abort"/> says.</summary>
    Aborted,
}

/// <summary>Reads a request's body to its end before anything goes upstream, for the filters that want it so.</summary>
internal static class HeldRequest
{
    /// <summary>Reads the body.</summary>
    /// <param name="exchange">Whose request has a body.</param>
    /// <param name="limit">Longest body in bytes.</param>
    /// <param name="injectsLength">True to send it upstream with a Content-Length, false as it is framed.</param>
    public static async LoopTask<HeldRequestOutcome> ReadAsync(Exchange exchange, int limit, bool injectsLength)
    {
        // A length that is too long need not arrive to be refused.
        var downstream = exchange.Downstream;
        if (downstream.RequestFraming.Length > limit || !exchange.TryBeginBuffering(limit, injectsLength))
        {
            return HeldRequestOutcome.TooLong;
        }

        var turn = default(TurnBudget);
        var isOver = downstream.IsRequestComplete;
        while (!isOver && exchange.Abort == AbortReason.None)
        {
            switch (RequestBodyReader.TryRead(exchange, out var payload))
            {
                case DownstreamRead.NeedMore:
                    turn.Renew();
                    exchange.BeginWaitForBody();
                    await downstream.Io.Readable();
                    exchange.EndWait();
                    continue;
                case DownstreamRead.Ready:
                    exchange.MarkActivity();
                    turn.Spend(payload.Length);
                    if (!exchange.TryBuffer(payload))
                    {
                        return HeldRequestOutcome.TooLong;
                    }

                    isOver = downstream.IsRequestComplete;
                    break;
            }

            if (turn.IsSpent)
            {
                turn.Renew();
                await exchange.Worker.NextTurn();
            }
        }

        return exchange.Abort == AbortReason.None ? HeldRequestOutcome.Whole : HeldRequestOutcome.Aborted;
    }
}

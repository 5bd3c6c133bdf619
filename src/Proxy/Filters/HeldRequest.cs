using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Reads a request's body to its end before anything goes upstream, for the filters that want it so.</summary>
internal static class HeldRequest
{
    /// <summary>Reads the body. False where the request has been answered: its body is too long, or the client failed.</summary>
    /// <param name="exchange">Whose request has a body.</param>
    /// <param name="limit">Longest body in bytes.</param>
    /// <param name="injectsLength">True to send it upstream with a Content-Length, false as it is framed.</param>
    /// <param name="refuse">Answers a request whose body is too long.</param>
    public static async LoopTask<bool> ReadAsync(Exchange exchange, int limit, bool injectsLength, Action<Exchange> refuse)
    {
        // A length that is too long need not arrive to be refused.
        var downstream = exchange.Downstream;
        if (downstream.RequestFraming.Length > limit || !exchange.TryBeginBuffering(limit, injectsLength))
        {
            refuse(exchange);
            return false;
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
                        refuse(exchange);
                        return false;
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

        if (exchange.Abort == AbortReason.None)
        {
            return true;
        }

        LocalReplies.Aborted(exchange);
        return false;
    }
}

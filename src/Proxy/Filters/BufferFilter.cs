using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// Reads a request's body to its end before anything goes upstream, which then gets it with a Content-Length. Source: Envoy documentation, "Buffer";
/// requests for an upgrade, whose bodies do not end, pass as they are.
/// </summary>
internal static class BufferFilter
{
    /// <summary>Reads the body. False where the request has been answered: its body is too long, or the client failed.</summary>
    public static async LoopTask<bool> RunAsync(Exchange exchange, BufferFilterConfig filter, BufferRouteSettings? ofRoute)
    {
        var downstream = exchange.Downstream;
        var limit = ofRoute is null ? filter.MaxRequestBytes : ofRoute.MaxRequestBytes ?? -1;
        if (limit < 0 || exchange.Upgrade != UpgradeKind.None || downstream.RequestFraming.IsEmpty)
        {
            return true;
        }

        // A length that is too long need not arrive to be refused.
        if (downstream.RequestFraming.Length > limit || !exchange.TryBeginBuffering(limit))
        {
            LocalReplies.RequestTooLarge(exchange);
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
                        LocalReplies.RequestTooLarge(exchange);
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

        if (exchange.Abort != AbortReason.None)
        {
            LocalReplies.Aborted(exchange);
            return false;
        }

        return true;
    }
}

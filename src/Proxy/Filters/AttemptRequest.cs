using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>The request's side of an attempt: what goes to the endpoint, and what counts it while it is there.</summary>
internal static class AttemptRequest
{
    /// <summary>Sends the head, and the body as far as it is there. False, and nothing is sent, where the cluster has too many requests under way.</summary>
    public static bool TryBegin(UpstreamAttempt attempt, UpstreamStream upstream, EndpointPage page)
    {
        var exchange = attempt.Exchange;
        if (!exchange.Breaker.Requests.TryTake(exchange.Worker.Index))
        {
            exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.PendingOverflow);
            attempt.Failure = UpstreamFailure.Overflow;
            return false;
        }

        exchange.NoteRequest(attempt, upstream);
        OutlierReports.Connected(attempt);
        page.ActiveRequests++;
        page.TotalRequests++;
        upstream.BeginExchange();
        upstream.LatencyStart = exchange.Upgrade == UpgradeKind.ConnectHere ? UpstreamStream.NoLatency : page.Latency?.Begin() ?? UpstreamStream.NoLatency;
        exchange.BeginAttemptTime(attempt);
        if (exchange.Upgrade == UpgradeKind.ConnectHere)
        {
            return true;
        }

        if (exchange.Replay is { } replay)
        {
            RequestHeadWriter.SendAgain(exchange, upstream, replay);
        }
        else
        {
            RequestHeadWriter.Send(exchange, upstream);
            if (!exchange.Downstream.IsRequestComplete)
            {
                exchange.KeepForReplay(exchange.FirstBody);
            }
        }

        if (exchange.Downstream.IsRequestComplete)
        {
            attempt.RequestEndMs = exchange.Worker.NowMs;
        }

        return true;
    }

    /// <summary>The endpoint has no more to do with the request.</summary>
    public static void End(UpstreamAttempt attempt, UpstreamStream upstream, EndpointPage page)
    {
        var exchange = attempt.Exchange;
        exchange.EndAttemptTime(attempt);
        attempt.EndRequest(upstream);
        exchange.Breaker.Requests.Return(exchange.Worker.Index);
        page.ActiveRequests--;
        EndLatency(attempt, upstream);
    }

    /// <summary>The endpoint has answered, or will not: what a body or a tunnel takes beyond that says nothing of how fast it answers.</summary>
    public static void EndLatency(UpstreamAttempt attempt, UpstreamStream upstream)
    {
        if (upstream.LatencyStart != UpstreamStream.NoLatency)
        {
            attempt.Endpoint!.State.PageOf(attempt.Exchange.Worker).Latency!.End(upstream.LatencyStart);
            upstream.LatencyStart = UpstreamStream.NoLatency;
        }
    }

    /// <summary>An attempt whose request goes on while the response may already come down. There is none beside it.</summary>
    public static async LoopTask<RelayOutcome> ExchangeAsync(UpstreamAttempt attempt, UpstreamStream upstream)
    {
        var exchange = attempt.Exchange;
        if (exchange.Upgrade == UpgradeKind.ConnectHere)
        {
            OutlierReports.Established(attempt);
            exchange.Downstream.SendConnected(exchange);
            return await Tunnel.RunAsync(exchange, upstream);
        }

        exchange.StopRequestBody = false;
        var pump = RequestBodyPump.RunAsync(exchange, upstream);

        // What ends the exchange before anything waits for the response wakes nobody.
        var outcome = exchange.Abort == AbortReason.None ? await ResponseRelay.RunAsync(attempt, upstream) : RelayOutcome.Aborted;
        exchange.StopRequestBody = true;
        if (!pump.IsCompleted)
        {
            upstream.Io.Interrupt();
            exchange.Downstream.Io.Interrupt();
        }

        await pump;
        return outcome;
    }
}

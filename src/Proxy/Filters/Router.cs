using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// The last filter: sends the request to an endpoint of its cluster and relays the response, once more or several times where the retry policy says so.
/// Without a policy, a request that met a kept connection which the upstream had closed meanwhile is still sent once more, where nothing was answered and
/// sending it twice does no harm.
/// </summary>
internal static class Router
{
    private enum Next : byte
    {
        Done,

        /// <summary>On a new connection: the other kept ones may have gone the same way.</summary>
        AtOnce,

        AfterBackOff,
    }

    /// <summary>Forwards one request and completes its exchange, whatever happens.</summary>
    public static async LoopTask ForwardAsync(Exchange exchange)
    {
        if (!Begin(exchange))
        {
            return;
        }

        var takesKept = exchange.Upgrade != UpgradeKind.ConnectHere;
        while (HostSelection.Pick(exchange) is { } endpoint)
        {
            var page = endpoint.State.PageOf(exchange.Worker);
            var upstream = takesKept ? UpstreamAcquisition.TakeKept(page.Pool, exchange.Request) : null;
            var isKept = upstream is not null;
            upstream ??= await UpstreamAcquisition.WaitAsync(exchange, page.Pool);
            var outcome = RelayOutcome.Aborted;
            if (upstream is not null && TryBeginAttempt(exchange, upstream, page))
            {
                outcome = exchange.Downstream.IsRequestComplete && exchange.Upgrade != UpgradeKind.ConnectHere
                    ? await ResponseRelay.RunAsync(exchange, upstream)
                    : await ExchangeAsync(exchange, upstream);
                EndAttempt(exchange, upstream, page);
            }

            var next = Settle(exchange, upstream, page, outcome, isKept);
            if (next == Next.Done)
            {
                break;
            }

            takesKept = next == Next.AfterBackOff;
            if (next == Next.AfterBackOff && !await WaitAsync(exchange))
            {
                break;
            }
        }

        End(exchange);
    }

    private static bool Begin(Exchange exchange)
    {
        var forward = exchange.Route!.Forward!;
        var action = forward.Source;
        if (!exchange.Snapshot.Clusters.TryGetValue(ClusterName(exchange), out var cluster))
        {
            LocalReplies.NoCluster(exchange, action.ClusterNotFoundResponseCode);
            return false;
        }

        exchange.Cluster = cluster;
        if (exchange.Route.IsCounted)
        {
            RouteStatistics.Begin(exchange);
        }

        if (cluster.Config.UsesHash)
        {
            exchange.TakeHash();
        }

        exchange.Breaker = cluster.State.BreakerOf(action.Priority == Routing.RoutingPriority.High);
        exchange.TakeTimesOf(action, forward.RetryPolicy);
        if (forward.RetryPolicy is not null || exchange.Request.Present.Contains(Http.KnownHeader.XEnvoyControl))
        {
            if (exchange.Upgrade == UpgradeKind.None)
            {
                exchange.BeginRetries(forward.RetryPolicy, forward.RetryHeaders);
            }

            RouterHeaders.TakeOut(exchange.Request);
        }

        var stats = cluster.State.Stats;
        var page = exchange.Worker.Stats;
        page.Increment(stats.RequestsTotal);
        page.Add(stats.RequestsActive, 1);
        if (exchange.Downstream.IsRequestComplete)
        {
            exchange.MarkRequestEnd();
        }
        else
        {
            exchange.MarkActivity();
        }

        return true;
    }

    private static void End(Exchange exchange)
    {
        var stats = exchange.Cluster!.State.Stats;
        var page = exchange.Worker.Stats;
        page.Add(stats.RequestsActive, -1);
        if (exchange.Status != 0)
        {
            stats.CountResponse(page, exchange.Status);
            page.Record(stats.RequestTimeMs, exchange.Worker.NowMs - exchange.StartMs);
        }

        if (exchange.Route!.IsCounted)
        {
            RouteStatistics.End(exchange);
        }
    }

    /// <summary>Sends the head, and the body as far as it is there. False, and nothing is sent, where the cluster has too many requests under way.</summary>
    private static bool TryBeginAttempt(Exchange exchange, UpstreamConnection upstream, EndpointPage page)
    {
        if (!exchange.Breaker.Requests.TryTake(exchange.Worker.Index))
        {
            exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.PendingOverflow);
            exchange.Failure = UpstreamFailure.Overflow;
            return false;
        }

        exchange.NoteUpstream(upstream);
        OutlierReports.Connected(exchange);
        page.ActiveRequests++;
        page.TotalRequests++;
        upstream.BeginExchange();
        exchange.UpstreamStartMs = exchange.Worker.NowMs;
        exchange.BeginAttemptTime();
        if (exchange.Upgrade == UpgradeKind.ConnectHere)
        {
            return true;
        }

        if (exchange.Replay is { } replay)
        {
            RequestHeadWriter.SendAgain(exchange, upstream.Connection, replay);
        }
        else
        {
            RequestHeadWriter.Send(exchange, upstream.Connection);
            if (!exchange.Downstream.IsRequestComplete)
            {
                exchange.KeepForReplay(exchange.Downstream.BufferedBody);
            }
        }

        if (exchange.Downstream.IsRequestComplete)
        {
            exchange.UpstreamRequestEndMs = exchange.Worker.NowMs;
        }

        return true;
    }

    private static void EndAttempt(Exchange exchange, UpstreamConnection upstream, EndpointPage page)
    {
        exchange.EndAttemptTime();
        exchange.NoteAttemptEnd(upstream);
        exchange.Breaker.Requests.Return(exchange.Worker.Index);
        page.ActiveRequests--;
    }

    /// <summary>Settles what becomes of the connection, and of the exchange: either it is answered, or it goes on.</summary>
    private static Next Settle(Exchange exchange, UpstreamConnection? upstream, EndpointPage page, RelayOutcome outcome, bool isKept)
    {
        if (outcome is RelayOutcome.Complete or RelayOutcome.Redirected)
        {
            page.FailedRequests += exchange.Status >= 500 ? 1 : 0;
            GiveBack(exchange, upstream!);
            return Next.Done;
        }

        page.FailedRequests++;
        if (outcome == RelayOutcome.Unwanted)
        {
            GiveBack(exchange, upstream!);
            return Next.AfterBackOff;
        }

        var failure = FailureOf(exchange, outcome);
        var isUntouched = failure == UpstreamFailure.Overflow;
        var wasAnswered = upstream is not null && !isUntouched && upstream.Connection.BytesReceived != upstream.ReceivedBefore;
        if (isUntouched)
        {
            upstream?.Release();
        }
        else
        {
            upstream?.Close();
        }

        if (!exchange.IsResponseStarted && failure != UpstreamFailure.Aborted)
        {
            if (failure == UpstreamFailure.Reset && isKept && !wasAnswered && CanSendAgain(exchange))
            {
                page.FailedRequests--;
                exchange.Failure = UpstreamFailure.None;
                exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.RequestRetry);
                return Next.AtOnce;
            }

            switch (exchange.Retry?.Judge(failure, wasSent: upstream is not null) ?? RetryVerdict.No)
            {
                case RetryVerdict.Retry:
                    CountFailure(exchange, failure);
                    exchange.Failure = UpstreamFailure.None;
                    return Next.AfterBackOff;
                case RetryVerdict.LimitExceeded:
                    exchange.Flags |= ResponseFlags.UpstreamRetryLimitExceeded;
                    break;
                case RetryVerdict.Overflow:
                    exchange.Flags |= ResponseFlags.UpstreamOverflow;
                    break;
            }
        }

        CountFailure(exchange, failure);
        UpstreamFailureReplies.Answer(exchange, failure, upstream);
        return Next.Done;
    }

    private static void GiveBack(Exchange exchange, UpstreamConnection upstream)
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

    private static UpstreamFailure FailureOf(Exchange exchange, RelayOutcome outcome) => outcome switch
    {
        RelayOutcome.Malformed => UpstreamFailure.ProtocolError,
        RelayOutcome.Aborted => exchange.Abort != AbortReason.None ? UpstreamFailure.Aborted : exchange.Failure,
        _ => UpstreamFailure.Reset,
    };

    private static void CountFailure(Exchange exchange, UpstreamFailure failure)
    {
        OutlierReports.Failed(exchange, failure);
        var stats = exchange.Cluster!.State.Stats;
        var page = exchange.Worker.Stats;
        switch (failure)
        {
            case UpstreamFailure.Aborted when exchange.UpstreamStartMs != 0:
                page.Increment(exchange.Abort == AbortReason.RouteTimeout ? stats.RequestTimeout
                    : exchange.Abort == AbortReason.ClientGone ? stats.RequestCancelled : stats.RequestLocalReset);
                page.Increment(stats.DestroyLocalWithActive);
                break;
            case UpstreamFailure.ProtocolError:
                page.Increment(stats.ProtocolError);
                break;
            case UpstreamFailure.Reset:
                page.Increment(stats.RequestRemoteReset);
                page.Increment(stats.DestroyRemoteWithActive);
                break;
            case UpstreamFailure.PerTryTimeout:
                page.Increment(stats.PerTryTimeout);
                page.Increment(stats.DestroyLocalWithActive);
                break;
            case UpstreamFailure.PerTryIdleTimeout:
                page.Increment(stats.PerTryIdleTimeout);
                page.Increment(stats.DestroyLocalWithActive);
                break;
        }
    }

    /// <summary>Waits before the next attempt. False where the exchange was aborted meanwhile, which is then answered.</summary>
    private static async LoopTask<bool> WaitAsync(Exchange exchange)
    {
        await exchange.BackOff(exchange.Retry!.NextDelayMs());
        if (exchange.Abort == AbortReason.None)
        {
            return true;
        }

        LocalReplies.Aborted(exchange);
        return false;
    }

    private static string ClusterName(Exchange exchange)
    {
        var target = exchange.Target!;
        return target.Ordinal >= 0 ? target.Name : System.Text.Encoding.UTF8.GetString(target.NameFrom(exchange.Request));
    }

    /// <summary>An exchange whose request goes on while the response may already come down.</summary>
    private static async LoopTask<RelayOutcome> ExchangeAsync(Exchange exchange, UpstreamConnection upstream)
    {
        if (exchange.Upgrade == UpgradeKind.ConnectHere)
        {
            OutlierReports.Established(exchange);
            exchange.Downstream.SendConnected(exchange);
            return await Tunnel.RunAsync(exchange, upstream);
        }

        exchange.StopRequestBody = false;
        var pump = RequestBodyPump.RunAsync(exchange, upstream.Connection);

        // What ends the exchange before anything waits for the response wakes nobody.
        var outcome = exchange.Abort == AbortReason.None ? await ResponseRelay.RunAsync(exchange, upstream) : RelayOutcome.Aborted;
        exchange.StopRequestBody = true;
        if (!pump.IsCompleted)
        {
            upstream.Connection.Interrupt();
            exchange.Downstream.Connection.Interrupt();
        }

        await pump;
        return outcome;
    }

    private static bool CanSendAgain(Exchange exchange) =>
        exchange.Downstream.IsRequestBuffered && UpstreamAcquisition.IsIdempotent(exchange.Request.Method);
}

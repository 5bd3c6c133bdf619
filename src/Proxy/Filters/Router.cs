using System.Diagnostics.CodeAnalysis;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Attempts;
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
    /// <summary>Forwards one request and completes its exchange, whatever happens.</summary>
    public static LoopTask ForwardAsync(Exchange exchange) => Begin(exchange) ? RunAsync(exchange.Attempt, waits: false) : default;

    /// <summary>Makes an attempt, and those that take its place one after the other. The exchange ends with its own, once those beside it have ended.</summary>
    /// <param name="attempt">The exchange's own attempt, or one that runs beside it.</param>
    /// <param name="waits">True to wait first, as before every retry.</param>
    public static async LoopTask RunAsync(UpstreamAttempt attempt, bool waits)
    {
        var exchange = attempt.Exchange;
        var takesKept = exchange.Upgrade != UpgradeKind.ConnectHere;
        while (!waits || await WaitAsync(attempt))
        {
            if (HostSelection.Pick(attempt) is not { } endpoint)
            {
                break;
            }

            var page = endpoint.State.PageOf(exchange.Worker);
            var upstream = takesKept ? UpstreamAcquisition.TakeKept(page.Pool, exchange) : null;
            var isKept = upstream is not null;
            upstream ??= await UpstreamAcquisition.WaitAsync(attempt, page.Pool);
            var outcome = RelayOutcome.Aborted;
            if (upstream is not null && AttemptRequest.TryBegin(attempt, upstream, page))
            {
                outcome = exchange.Downstream.IsRequestComplete && exchange.Upgrade != UpgradeKind.ConnectHere
                    ? await ResponseRelay.RunAsync(attempt, upstream)
                    : await AttemptRequest.ExchangeAsync(attempt, upstream);
                AttemptRequest.End(attempt, upstream, page);
            }

            var next = AttemptOutcome.Settle(attempt, upstream, page, outcome, isKept);
            if (next == NextAttempt.None)
            {
                break;
            }

            takesKept = waits = next == NextAttempt.AfterBackOff;
        }

        if (exchange.Hedged is { } hedged)
        {
            if (attempt != exchange.OwnAttempt)
            {
                return;
            }

            hedged.End(attempt);
            await hedged.Ended;
        }

        if (exchange.HeldResponse is not null)
        {
            await HeldResponse.SendRestAsync(exchange);
        }

        End(exchange);
    }

    private static bool Begin(Exchange exchange)
    {
        var forward = exchange.Route!.Forward!;
        var action = forward.Source;
        if (!TryGetCluster(exchange, out var cluster))
        {
            LocalReplies.NoCluster(exchange, action.ClusterNotFoundResponseCode);
            return false;
        }

        exchange.Cluster = cluster;
        if (exchange.Route.IsCounted)
        {
            RouteStatistics.Begin(exchange);
        }

        if (cluster.State.Maintenance is { } maintenance && maintenance.Takes(exchange.Worker.Random.Next()))
        {
            UpstreamFailureReplies.Maintenance(exchange);
            CountResponse(exchange, 503);
            return false;
        }

        if (cluster.Config.UsesHash)
        {
            exchange.TakeHash();
        }

        exchange.Breaker = cluster.State.BreakerOf(action.Priority == Routing.Actions.RoutingPriority.High);
        exchange.TakeTimesOf(forward);
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
        if (exchange.CountedStatus is not 0 and var status)
        {
            page.Record(stats.RequestTimeMs, exchange.Worker.NowMs - exchange.StartMs);
            CountResponse(exchange, status);
        }
        else if (exchange.Route!.IsCounted)
        {
            RouteStatistics.End(exchange);
        }
    }

    private static void CountResponse(Exchange exchange, int status)
    {
        var stats = exchange.Cluster!.State.Stats;
        var page = exchange.Worker.Stats;
        if (exchange.Http.SuppressGrpcCodeStats && exchange.IsGrpc)
        {
            page.Increment(stats.RequestsCompleted);
        }
        else
        {
            stats.CountResponse(page, status);
        }

        if (exchange.Route!.IsCounted)
        {
            RouteStatistics.End(exchange);
        }
    }

    /// <summary>Waits before the next attempt. False where that came to nothing meanwhile, which is answered where nobody else does.</summary>
    private static async LoopTask<bool> WaitAsync(UpstreamAttempt attempt)
    {
        var exchange = attempt.Exchange;
        await attempt.BackOff(exchange.Retry!.NextDelayMs());
        if (!attempt.HasEnded)
        {
            return true;
        }

        if (exchange.Hedged is not { } hedged || (!hedged.IsOpen && !hedged.HasLost(attempt)))
        {
            LocalReplies.Aborted(exchange);
        }

        return false;
    }

    /// <summary>The cluster that the route chose; false where the snapshot has none of that name.</summary>
    public static bool TryGetCluster(Exchange exchange, [NotNullWhen(true)] out Cluster? cluster)
    {
        var target = exchange.Target!;
        return target.Ordinal >= 0
            ? exchange.Runtime.Clusters.TryGet(exchange.Snapshot, target, out cluster)
            : exchange.Snapshot.Clusters.TryGetValue(System.Text.Encoding.UTF8.GetString(target.NameFrom(exchange.Request)), out cluster);
    }
}

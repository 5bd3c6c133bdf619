using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Counts requests of routes with a <c>stat_prefix</c> and of virtual hosts with virtual clusters.</summary>
internal static class RouteStatistics
{
    /// <summary>The request is about to be forwarded: its headers are still those that came.</summary>
    public static void Begin(Exchange exchange)
    {
        exchange.VirtualCluster = exchange.Route!.VirtualHost.VirtualClusters?.Find(exchange.Request);
        Begin(exchange, exchange.Route.Stats);
        Begin(exchange, exchange.VirtualCluster?.Stats);
    }

    /// <summary>It was answered, one way or the other.</summary>
    public static void End(Exchange exchange)
    {
        End(exchange, exchange.Route!.Stats);
        End(exchange, exchange.VirtualCluster?.Stats);
    }

    private static void Begin(Exchange exchange, RouteStats? stats)
    {
        if (stats is not null)
        {
            exchange.Worker.Stats.Increment(stats.Total);
        }
    }

    private static void End(Exchange exchange, RouteStats? stats)
    {
        if (stats is null)
        {
            return;
        }

        var page = exchange.Worker.Stats;
        if (exchange.CountedStatus is not 0 and var status)
        {
            stats.CountResponse(page, status);
            page.Record(stats.TimeMs, exchange.Worker.NowMs - exchange.StartMs);
        }

        if (exchange.Abort == AbortReason.RouteTimeout)
        {
            page.Increment(stats.Timeout);
        }

        var isExhausted = exchange.Flags.HasFlag(ResponseFlags.UpstreamRetryLimitExceeded);
        if (isExhausted)
        {
            page.Increment(stats.RetryLimitExceeded);
        }
        else if (exchange.Retry is not null && exchange.Flags.HasFlag(ResponseFlags.UpstreamOverflow))
        {
            page.Increment(stats.RetryOverflow);
        }

        if (exchange.TryCount > 1)
        {
            page.Add(stats.Retry, exchange.TryCount - 1);
            if (!isExhausted && exchange.CountedStatus is > 0 and < 500)
            {
                page.Increment(stats.RetrySuccess);
            }
        }
    }
}

using KubeProxyNet.Proxy.Filters.Grpc;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>The HTTP filters of a connection manager that stand before the router, in their order. One that answers ends the chain.</summary>
internal static class FilterChain
{
    /// <summary>
    /// Runs a request through the filters and the router. As in Envoy also where it is answered here, or has no route: its body may be too long, and the answer
    /// may have to be what a filter's client understands. Without a route the settings of the connection manager hold.
    /// </summary>
    public static async LoopTask RunAsync(Exchange exchange)
    {
        foreach (var filter in exchange.Http.Filters)
        {
            // One before may have led the request to another route.
            var ofRoute = RouteFilterConfig.Find(exchange.Target is { } target ? target.FilterConfigs : exchange.Route?.FilterConfigs ?? [], filter.Name);
            if (ofRoute?.Disabled ?? filter.Disabled)
            {
                continue;
            }

            if (filter is StatefulSessionConfig session)
            {
                StatefulSessionFilter.Begin(exchange, session, ofRoute?.Settings as StatefulSessionRouteSettings);
                continue;
            }

            if (filter is GrpcStatsConfig stats)
            {
                GrpcStatistics.Begin(exchange, stats);
                continue;
            }

            if (filter is GrpcWebConfig)
            {
                if (!GrpcWebFilter.Begin(exchange))
                {
                    return;
                }

                continue;
            }

            if (!await RunAsync(exchange, filter, ofRoute?.Settings))
            {
                return;
            }
        }

        if (exchange.Target is null)
        {
            RouteReplies.Answer(exchange);
            return;
        }

        await Router.ForwardAsync(exchange);
    }

    /// <summary>False where the filter has answered.</summary>
    private static LoopTask<bool> RunAsync(Exchange exchange, HttpFilterConfig filter, RouteFilterSettings? ofRoute) => filter switch
    {
        BufferFilterConfig buffer => BufferFilter.RunAsync(exchange, buffer, ofRoute as BufferRouteSettings),
        FileSystemBufferConfig buffer => FileSystemBufferFilter.RunAsync(exchange, buffer, ofRoute as FileSystemBufferRouteSettings),
        GrpcBridgeConfig bridge => GrpcBridgeFilter.RunAsync(exchange, bridge),
        _ => throw new NotSupportedException($"filter {filter.GetType().Name}"),
    };
}

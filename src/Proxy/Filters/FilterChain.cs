using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>The HTTP filters of a connection manager that stand before the router, in their order. One that answers ends the chain.</summary>
internal static class FilterChain
{
    /// <summary>Runs a request that has a route to forward it by through the filters and the router.</summary>
    public static async LoopTask RunAsync(Exchange exchange)
    {
        foreach (var filter in exchange.Http.Filters)
        {
            var ofRoute = exchange.Target!.FilterConfig(filter.Name);
            if (ofRoute?.Disabled ?? filter.Disabled)
            {
                continue;
            }

            if (filter is StatefulSessionConfig session)
            {
                StatefulSessionFilter.Begin(exchange, session, ofRoute?.Settings as StatefulSessionRouteSettings);
                continue;
            }

            if (!await RunAsync(exchange, filter, ofRoute?.Settings))
            {
                return;
            }
        }

        await Router.ForwardAsync(exchange);
    }

    /// <summary>False where the filter has answered.</summary>
    private static LoopTask<bool> RunAsync(Exchange exchange, HttpFilterConfig filter, RouteFilterSettings? ofRoute) => filter switch
    {
        BufferFilterConfig buffer => BufferFilter.RunAsync(exchange, buffer, ofRoute as BufferRouteSettings),
        _ => throw new NotSupportedException($"filter {filter.GetType().Name}"),
    };
}

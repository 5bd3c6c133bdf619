using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Which route a request takes, by its table as it was when the request began.</summary>
internal static class RouteSelection
{
    /// <summary>The route for the request as it is now. False where there is none.</summary>
    public static bool TryMatch(Exchange exchange, out RouteMatchResult match) => TryMatch(exchange, exchange.Request, out match);

    /// <summary>The route for another request of the exchange. False where there is none.</summary>
    public static bool TryMatch(Exchange exchange, RequestHead request, out RouteMatchResult match)
    {
        match = default;
        return exchange.Routes is { } table && table.TryMatch(request, exchange.Snapshot.RuntimeValues, exchange.Worker.Random.Next(), out match);
    }

    /// <summary>The request takes a route, and one of its clusters where it is forwarded.</summary>
    public static void Take(Exchange exchange, in RouteMatchResult match)
    {
        exchange.Route = match.Route;
        exchange.Target = match.Route.Kind == RouteKind.Forward ? match.PickCluster(exchange.Request, exchange.Snapshot.RuntimeValues) : null;
    }

    /// <summary>
    /// A filter has changed what routes look at: the route that fits now takes the place of the one before, and none does where none fits (Envoy's <c>clearRouteCache</c>). Filters that
    /// went before keep the settings that they had.
    /// </summary>
    public static void TakeAgain(Exchange exchange)
    {
        exchange.Route = null;
        exchange.Target = null;
        if (TryMatch(exchange, out var match))
        {
            Take(exchange, match);
        }
    }
}

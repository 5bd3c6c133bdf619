using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// Keeps sessions: the endpoint that a request names goes before what the balancer would pick. Source: Envoy documentation, "Stateful session" and
/// "Override host".
/// </summary>
internal static class StatefulSessionFilter
{
    /// <summary>Finds out which session the request belongs to.</summary>
    public static void Begin(Exchange exchange, StatefulSessionConfig filter, StatefulSessionRouteSettings? ofRoute)
    {
        // A redirect that is followed here comes by again, perhaps with another route.
        exchange.ResetSession();
        var session = ofRoute is null ? filter.Session : ofRoute.Session;
        if (session?.State is { } state && (state is not CookieSessionState cookie || cookie.Covers(exchange.Request.Target)))
        {
            exchange.BeginSession(session, ofRoute is null ? exchange.SessionStatsOf(filter) : null);
        }
    }

    /// <summary>The endpoint of the first attempt: that of the session, where it may be used. Null where there is none.</summary>
    public static Endpoint? Pick(Exchange exchange, in PickRequest request)
    {
        var cluster = exchange.Cluster!;
        if (cluster.EndpointAt(exchange.SessionHost) is { } endpoint && (cluster.Config.OverrideHostStatus & endpoint.HealthStatus) != HealthStatuses.None)
        {
            return endpoint;
        }

        return exchange.IsSessionStrict ? null : cluster.LoadBalancer.Pick(request);
    }
}

using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters.InternalRedirects;

/// <summary>
/// Follows an upstream's redirect here (Envoy documentation, "Internal redirects"): turns the exchange's request into one for the target and has it start again.
/// Where that cannot be, the redirect goes to the client like any other response.
/// </summary>
internal static class InternalRedirect
{
    /// <summary>True where the exchange is to start again, with the request for the target.</summary>
    public static bool TryFollow(Exchange exchange, CompiledInternalRedirects policy, ResponseHead response)
    {
        if (!policy.Follows(response.Status) || exchange.Upgrade != UpgradeKind.None)
        {
            return false;
        }

        var stats = exchange.Cluster!.State.Stats;
        var isFollowed = exchange.CanReplayRequest && response.TryGet(KnownHeader.Location, out var location) && TryFollow(exchange, policy, response, location);
        exchange.Worker.Stats.Increment(isFollowed ? stats.InternalRedirectSucceeded : stats.InternalRedirectFailed);
        return isFollowed;
    }

    private static bool TryFollow(Exchange exchange, CompiledInternalRedirects policy, ResponseHead response, ReadOnlySpan<byte> url)
    {
        var stats = exchange.HttpStats.Redirects;
        if (!RedirectLocation.TryParse(url, out var location))
        {
            return Refuse(exchange, stats.BadLocation);
        }

        if (location.IsHttps != exchange.Request.IsHttps && !policy.Source.AllowsCrossSchemeRedirect)
        {
            return Refuse(exchange, stats.UnsafeScheme);
        }

        if (exchange.RedirectCount >= policy.Source.MaxInternalRedirects)
        {
            return Refuse(exchange, stats.TooManyRedirects);
        }

        var head = RedirectedHead.Compose(exchange, policy, response, location);
        if (head.Length > BlockPool.Large)
        {
            return Refuse(exchange, stats.BadLocation);
        }

        // Parsed and routed beside the request, which stays as it is until all is well.
        var next = exchange.Runtime.RentExchange();
        var block = exchange.Worker.Blocks.Rent(head.Length);
        head.CopyTo(block.Bytes);
        var refused = Judge(exchange, policy, location, next, block.Bytes, head.Length, out var match);
        if (refused is { } counter)
        {
            exchange.Worker.Blocks.Return(block);
            exchange.Runtime.Return(next);
            return Refuse(exchange, counter);
        }

        if (response.Status == 303 && !IsSafe(exchange.Request.Method))
        {
            exchange.DropRequestBody();
        }

        exchange.TakeRedirect(next, block, response.Status, match);
        exchange.Runtime.Return(next);
        return true;
    }

    /// <summary>Reads the new request and finds its route. What speaks against it is the counter to increment; null where nothing does.</summary>
    private static Counter? Judge(
        Exchange exchange, CompiledInternalRedirects policy, in RedirectLocation location, Exchange next, byte[] bytes, int length, out RouteMatchResult match)
    {
        match = default;
        var stats = exchange.HttpStats.Redirects;
        if (!next.TryReadHead(bytes, length))
        {
            return stats.BadLocation;
        }

        next.Request.IsHttps = location.IsHttps;
        if (exchange.NormalizeLike(next.Request) != PathVerdict.Accepted)
        {
            return stats.BadLocation;
        }

        if (!RouteSelection.TryMatch(exchange, next.Request, out match))
        {
            return stats.NoRoute;
        }

        foreach (var predicate in policy.Source.Predicates)
        {
            var accepts = predicate switch
            {
                AllowListedRoutesPredicate allowed => allowed.RouteNames.Contains(match.Route.Name),
                PreviousRoutesPredicate => !exchange.HasRedirected(exchange.Route!, match.Route),
                _ => exchange.Request.IsHttps || !location.IsHttps,
            };
            if (!accepts)
            {
                return stats.Predicate;
            }
        }

        return null;
    }

    private static bool Refuse(Exchange exchange, Counter reason)
    {
        exchange.Worker.Stats.Increment(reason);
        return false;
    }

    /// <summary>RFC 9110 §15.4.4: what a 303 leads to is retrieved, whatever the request was.</summary>
    internal static bool IsSafe(ReadOnlySpan<byte> method) => method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8);
}

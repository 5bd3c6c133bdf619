using System.Buffers;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Answers requests that go to no cluster: those whose route says itself what the answer is, redirects and direct responses, and those without a route.</summary>
internal static class RouteReplies
{
    private static readonly byte[] Details = "direct_response"u8.ToArray();

    /// <summary>Answers by the exchange's route; 404 where there is none, or one that only servers that end requests themselves act on.</summary>
    public static void Answer(Exchange exchange)
    {
        if (exchange.Route is not { Kind: RouteKind.Redirect or RouteKind.DirectResponse } route)
        {
            LocalReplies.NoRoute(exchange);
            return;
        }

        var location = route.Redirect is { } redirect ? Location(exchange, redirect) : default;
        exchange.Details = Details;
        LocalReplies.Pass(exchange, route.Kind == RouteKind.Redirect
            ? new LocalReply(route.Redirect!.ResponseCode, default, location)
            : new LocalReply(route.DirectResponse!.Status, route.DirectResponse.Body, location));
    }

    private static ReadOnlyMemory<byte> Location(Exchange exchange, CompiledRedirect redirect)
    {
        var line = exchange.Runtime.Overrides;
        line.ResetWrittenCount();
        line.Write("location: "u8);
        redirect.WriteLocation(exchange.Request, line);
        line.Write("\r\n"u8);
        return line.WrittenMemory;
    }
}

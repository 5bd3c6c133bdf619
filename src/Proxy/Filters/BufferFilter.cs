using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// Reads a request's body to its end before anything goes upstream, which then gets it with a Content-Length. Source: Envoy documentation, "Buffer";
/// requests for an upgrade, whose bodies do not end, pass as they are.
/// </summary>
internal static class BufferFilter
{
    /// <summary>Reads the body. False where the request has been answered: its body is too long, or the client failed.</summary>
    public static async LoopTask<bool> RunAsync(Exchange exchange, BufferFilterConfig filter, BufferRouteSettings? ofRoute)
    {
        var limit = ofRoute is null ? filter.MaxRequestBytes : ofRoute.MaxRequestBytes ?? -1;
        if (limit < 0 || exchange.Upgrade != UpgradeKind.None || exchange.Downstream.RequestFraming.IsEmpty)
        {
            return true;
        }

        return await HeldRequest.ReadAsync(exchange, limit, injectsLength: true, LocalReplies.RequestTooLarge);
    }
}

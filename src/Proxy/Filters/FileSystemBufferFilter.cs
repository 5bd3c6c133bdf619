using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// Holds a request until it is whole where its settings say so, and notes what is to become of the response. Source: Envoy documentation, "File System Buffer";
/// tunnels, whose bodies do not end, pass as they are.
/// </summary>
internal static class FileSystemBufferFilter
{
    /// <summary>Runs the request through. False where it has been answered: its body is too long, or the client failed.</summary>
    public static async LoopTask<bool> RunAsync(Exchange exchange, FileSystemBufferConfig filter, FileSystemBufferRouteSettings? ofRoute)
    {
        if (exchange.Upgrade != UpgradeKind.None)
        {
            return true;
        }

        exchange.ResponseBuffering = StreamBuffering.Of(ofRoute?.Response, filter.Response);
        var request = StreamBuffering.Of(ofRoute?.Request, filter.Request);
        if (!request.Holds(exchange.Downstream.RequestFraming))
        {
            return true;
        }

        return await HeldRequest.ReadAsync(exchange, request.MaxBytes, request.InjectsLength, LocalReplies.RequestBufferExceeded);
    }
}

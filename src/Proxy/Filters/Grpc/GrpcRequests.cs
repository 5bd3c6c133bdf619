using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Grpc;

namespace KubeProxyNet.Proxy.Filters.Grpc;

/// <summary>The body of a call's request on its way from the client, for whoever reads it.</summary>
internal static class GrpcRequests
{
    /// <summary>Takes payload that was read, which filters count and may change. False, and the exchange is aborted, where it cannot be what it says.</summary>
    public static bool TryTake(Exchange exchange, GrpcCall call, ref ReadOnlySpan<byte> payload)
    {
        if (call.Web is { } web && !GrpcWebFilter.TryTakeRequest(exchange, web, ref payload))
        {
            exchange.AbortWith(AbortReason.BadGrpcWebBody);
            return false;
        }

        GrpcStatistics.TakeRequest(exchange, call, payload);
        return true;
    }
}

using KubeProxyNet.Proxy.Filters.Grpc;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Reads a request's body for whoever needs it.</summary>
internal static class RequestBodyReader
{
    /// <summary>As <see cref="DownstreamStream.TryReadBody"/>; where the client has gone or its body breaks its framing, the exchange is aborted for it.</summary>
    public static DownstreamRead TryRead(Exchange exchange, out ReadOnlySpan<byte> payload)
    {
        var read = exchange.Downstream.TryReadBody(out payload);
        if (read == DownstreamRead.Disconnected)
        {
            exchange.AbortWith(AbortReason.ClientGone);
        }
        else if (read == DownstreamRead.Malformed)
        {
            exchange.AbortWith(AbortReason.BadRequestBody);
        }
        else if (read == DownstreamRead.Ready && exchange.Call is { } call && !GrpcRequests.TryTake(exchange, call, ref payload))
        {
            return DownstreamRead.Malformed;
        }

        return read;
    }
}

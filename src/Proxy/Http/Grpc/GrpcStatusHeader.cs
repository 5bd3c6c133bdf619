using System.Buffers.Text;
using KubeProxyNet.Proxy.Observability.Grpc;

namespace KubeProxyNet.Proxy.Http.Grpc;

/// <summary>The header or trailer <c>grpc-status</c>.</summary>
internal static class GrpcStatusHeader
{
    /// <summary>The status; <see cref="GrpcCode.Invalid"/> where there is one that is none of gRPC's, false where there is none.</summary>
    public static bool TryGet(MessageHead head, out GrpcCode code)
    {
        if (!head.TryGet(KnownHeader.GrpcStatus, out var text) || text.IsEmpty)
        {
            code = GrpcCode.Unknown;
            return false;
        }

        code = Utf8Parser.TryParse(text, out uint value, out var used) && used == text.Length && value <= (uint)GrpcCode.Unauthenticated ? (GrpcCode)value : GrpcCode.Invalid;
        return true;
    }
}

namespace KubeProxyNet.Proxy.Observability.Grpc;

/// <summary>Which content types are gRPC's.</summary>
internal static class GrpcContentType
{
    /// <summary>
    /// True for <c>application/grpc</c>, alone or with <c>+</c> and a codec, and for nothing else, as in Envoy: a parameter behind a semicolon, which gRPC does not
    /// provide for, is none, nor is <c>application/grpc-web</c>.
    /// </summary>
    public static bool IsGrpc(ReadOnlySpan<byte> type)
    {
        var name = "application/grpc"u8;
        return type.StartsWith(name) && (type.Length == name.Length || type[name.Length] == (byte)'+');
    }
}

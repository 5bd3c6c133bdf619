namespace KubeProxyNet.Proxy.Runtime.HttpFilters;

/// <summary>Lets clients of HTTP/1.1, which see no trailers, make unary calls of gRPC: Envoy's <c>envoy.filters.http.grpc_http1_bridge</c>.</summary>
/// <param name="Name">Its name.</param>
public sealed record GrpcBridgeConfig(string Name) : HttpFilterConfig(Name)
{
    /// <summary>True to make calls out of requests with <c>application/x-protobuf</c>; false by default.</summary>
    public bool UpgradesProtobuf { get; init; }

    /// <summary>True to take the query off a call's target; false by default.</summary>
    public bool IgnoresQuery { get; init; }
}

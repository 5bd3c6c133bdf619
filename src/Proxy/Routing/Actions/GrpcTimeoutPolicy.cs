namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>How far a route goes by the time that a call of gRPC asks for in <c>grpc-timeout</c>.</summary>
/// <param name="BoundsStream">
/// True for the settings in Envoy's <c>max_stream_duration</c>, which bound the life of the stream; false for the deprecated <c>max_grpc_timeout</c>, which
/// takes the place of the route's timeout.
/// </param>
public sealed record GrpcTimeoutPolicy(bool BoundsStream)
{
    /// <summary>Longest time that a call may ask for; zero for any, null not to go by what it asks for.</summary>
    public TimeSpan? Max { get; init; }

    /// <summary>What the time is shortened by, so that the proxy's answer still comes in time; zero (the default) for nothing.</summary>
    public TimeSpan Offset { get; init; }
}

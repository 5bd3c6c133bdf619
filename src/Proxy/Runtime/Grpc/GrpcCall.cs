using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Upstream.Grpc;

namespace KubeProxyNet.Proxy.Runtime.Grpc;

/// <summary>What filters keep of a call of gRPC from its request to its response. Made on first need and kept with the exchange.</summary>
internal sealed class GrpcCall
{
    private GrpcFrameReader _requests;
    private GrpcFrameReader _responses;

    /// <summary>Where the call is counted; null where it is not.</summary>
    public GrpcMethodStats? Stats { get; set; }

    /// <summary>True to note how long the upstream takes.</summary>
    public bool MeasuresUpstream { get; set; }

    /// <summary>True where the response is one of gRPC, so that its body is messages.</summary>
    public bool HasMessages { get; set; }

    /// <summary>The browser's side of the call; null where the client speaks gRPC itself.</summary>
    public GrpcWebCall? Web { get; set; }

    /// <summary>The side of a client that sees no trailers; null where the client speaks gRPC itself.</summary>
    public GrpcBridgeCall? Bridge { get; set; }

    /// <summary>Messages that begin in the next bytes of the request.</summary>
    public long InspectRequest(ReadOnlySpan<byte> payload) => _requests.Inspect(payload);

    /// <summary>Messages that begin in the next bytes of the response.</summary>
    public long InspectResponse(ReadOnlySpan<byte> payload) => _responses.Inspect(payload);

    /// <summary>Forgets the call.</summary>
    public void Reset()
    {
        _requests = _responses = default;
        Stats = null;
        MeasuresUpstream = HasMessages = false;
        Web?.End();
        Web = null;
        Bridge?.End();
        Bridge = null;
    }
}

using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Http.Http2.Frames;

namespace KubeProxyNet.Proxy.Upstream.Http2;

/// <content>How the stream is lost before its response is whole.</content>
internal sealed partial class ClientStream
{
    /// <summary>Extended CONNECT must not be asked for where the endpoint does not serve it (RFC 8441 section 3).</summary>
    private const string NotServed = "http2.extended_connect_not_served";

    /// <inheritdoc/>
    public override StreamLoss Loss => _loss;

    /// <summary>Nothing of the request has gone out, and nothing will.</summary>
    public void LoseUnsent() => _io.End(Http2ErrorCode.RefusedStream, byPeer: true);

    /// <summary>The request cannot be made of this endpoint, and nothing of it goes out.</summary>
    private void Lose(string details)
    {
        Refuse(details);
        _io.End(Http2ErrorCode.RefusedStream, byPeer: false);
    }

    void IHttp2StreamOwner.OnReset(Http2Stream stream) => _loss =
        stream.Id == 0 ? StreamLoss.LeftBehind
        : _connection.FailureCode is not null ? StreamLoss.Violation
        : _connection.IsOver ? StreamLoss.ConnectionEnded
        : !stream.IsReset ? StreamLoss.Violation
        : stream.ResetCode == Http2ErrorCode.RefusedStream && !_hasAnswered ? (_connection.HasGoneAway ? StreamLoss.LeftBehind : StreamLoss.Refused)
        : StreamLoss.Reset;
}

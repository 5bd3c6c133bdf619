using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Proxy.Upstream;

/// <content>Sending a request.</content>
internal sealed partial class UpstreamConnection
{
    /// <inheritdoc/>
    public override void SendRequest(ref ByteWriter head, BodyFraming framing, ReadOnlySpan<byte> body, bool end, ReadOnlySpan<byte> scheme) =>
        MessageSender.Send(Connection, ref head, framing, body, end);

    /// <inheritdoc/>
    public override bool SendBody(BodyFraming framing, ReadOnlySpan<byte> payload, bool end) =>
        framing.Kind == BodyKind.Chunked ? ChunkWriter.Send(Connection, payload, end, 2 * MessageSender.CopyLimit) : payload.IsEmpty || Connection.Send(payload);

    /// <inheritdoc/>
    public override void SendTrailers(BodyFraming framing, TrailerHead trailers)
    {
        if (_trailers is null || framing.Kind != BodyKind.Chunked)
        {
            SendBody(framing, default, end: true);
        }
        else
        {
            ChunkWriter.SendTrailers(Connection, trailers.Lines);
        }
    }
}

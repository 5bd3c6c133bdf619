using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>A client's side that has sent all it will: the request's body is there, and answers are only counted.</summary>
internal sealed class InputStream(Connection connection) : DownstreamStream
{
    private BodyFraming _framing;
    private bool _isComplete;
    private byte[] _body = [];

    public override Connection Connection => connection;

    public override bool IsRequestComplete => _isComplete;

    public override bool IsRequestBuffered => _isComplete;

    public override BodyFraming RequestFraming => _framing;

    public override ReadOnlySpan<byte> BufferedBody => _body;

    public void Begin(BodyFraming framing, ReadOnlySpan<byte> body, bool isComplete)
    {
        _framing = framing;
        _body = body.ToArray();
        _isComplete = isComplete;
    }

    public override DownstreamRead TryReadBody(out ReadOnlySpan<byte> payload)
    {
        payload = default;
        return DownstreamRead.NeedMore;
    }

    public override void SendInterim(ResponseHead head)
    {
    }

    public override void SendHead(Exchange exchange, in UpstreamResponse response, ReadOnlySpan<byte> payload, bool end)
    {
    }

    public override void SendBody(ReadOnlySpan<byte> payload, bool end)
    {
    }

    public override void SendConnected(Exchange exchange)
    {
    }

    public override void BeginTunnel()
    {
    }

    public override void SendLocalReply(Exchange exchange, in LocalReply reply) => exchange.Status = reply.Status;

    public override void CutResponse()
    {
    }
}

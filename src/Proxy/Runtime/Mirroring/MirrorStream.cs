using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime.Mirroring;

/// <summary>
/// The client's side of a mirrored request, where there is no client: the request is there as a whole, and whatever comes back is dropped.
/// Its connection carries nothing but the exchange's deadline.
/// </summary>
internal sealed class MirrorStream : DownstreamStream, IConnectionOwner
{
    private readonly MirroredRequest _request;
    private readonly Exchange _exchange;
    private int _next;

    private MirrorStream(MirroredRequest request, Exchange exchange, int descriptor)
    {
        _request = request;
        _exchange = exchange;
        Connection = new Connection(exchange.Worker, descriptor, this, writable: true);
        request.Hold();
    }

    /// <inheritdoc/>
    public override Connection Connection { get; }

    /// <inheritdoc/>
    public override bool IsRequestComplete => _next == _request.Body.PieceCount;

    /// <inheritdoc/>
    public override bool IsRequestBuffered => _request.Body.PieceCount == 0;

    /// <inheritdoc/>
    public override BodyFraming RequestFraming => _exchange.Parser.Framing;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> BufferedBody => default;

    /// <summary>A stream of that request; null where the system gives no descriptor.</summary>
    public static MirrorStream? TryOpen(MirroredRequest request, Exchange exchange)
    {
        var descriptor = Native.EventFd(0, Native.EventFdNonBlock | Native.EventFdCloseOnExec);
        return descriptor < 0 ? null : new MirrorStream(request, exchange, descriptor);
    }

    /// <summary>The exchange has ended.</summary>
    public void Close()
    {
        Connection.Close();
        _request.Release();
    }

    /// <inheritdoc/>
    public override DownstreamRead TryReadBody(out ReadOnlySpan<byte> payload)
    {
        payload = IsRequestComplete ? default : _request.Body.Piece(_next++);
        return DownstreamRead.Ready;
    }

    /// <inheritdoc/>
    public override void SendInterim(ResponseHead head)
    {
    }

    /// <inheritdoc/>
    public override void SendHead(Exchange exchange, in UpstreamResponse response, ReadOnlySpan<byte> payload, bool end) => exchange.Status = response.Head.Status;

    /// <inheritdoc/>
    public override void SendBody(ReadOnlySpan<byte> payload, bool end)
    {
    }

    /// <inheritdoc/>
    public override void SendConnected(Exchange exchange)
    {
    }

    /// <inheritdoc/>
    public override void BeginTunnel()
    {
    }

    /// <inheritdoc/>
    public override void SendLocalReply(Exchange exchange, in LocalReply reply) => exchange.Status = reply.Status;

    /// <inheritdoc/>
    public override void CutResponse()
    {
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
    }

    void IConnectionOwner.OnDeadline(Connection connection)
    {
        if (_exchange.PassedDeadline() is var reason and not AbortReason.None)
        {
            _exchange.AbortWith(reason);
        }
    }
}

using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What reading a request body gave.</summary>
internal enum DownstreamRead : byte
{
    /// <summary>Payload was read, or the body is complete; see <see cref="DownstreamStream.IsRequestComplete"/>.</summary>
    Ready,

    /// <summary>Nothing more for now: wait.</summary>
    NeedMore,

    /// <summary>The client went away.</summary>
    Disconnected,

    /// <summary>The body breaks its framing.</summary>
    Malformed,
}

/// <summary>
/// The client's side of one exchange, whatever the protocol. The router reads the request's body from it and writes the response to it;
/// it never waits by itself, it tells the caller what to await.
/// </summary>
internal abstract class DownstreamStream
{
    /// <summary>The connection that carries the stream.</summary>
    public abstract Connection Connection { get; }

    /// <summary>What can be awaited, and the bytes that moved: the connection itself where it carries one exchange at a time.</summary>
    public virtual LoopStream Io => Connection;

    /// <summary>The version of HTTP that the client speaks.</summary>
    public virtual bool IsHttp2 => false;

    /// <summary>The name that the client asked for by TLS, in lower case; empty for none or where nobody looked.</summary>
    public virtual ReadOnlySpan<byte> RequestedServerName => default;

    /// <summary>True where a request for this authority must not come over the connection (RFC 9110 section 15.5.20).</summary>
    public virtual bool IsMisdirected(ReadOnlySpan<byte> authority) => false;

    /// <summary>True once the last byte of the request was read.</summary>
    public abstract bool IsRequestComplete { get; }

    /// <summary>True where <see cref="BufferedBody"/> is the whole body, so that the request can be sent again.</summary>
    public abstract bool IsRequestBuffered { get; }

    /// <summary>True where response bytes are queued beyond the high-water mark: await <see cref="LoopStream.Drained"/> before sending more.</summary>
    public bool IsCongested => Io.IsCongested;

    /// <summary>Most bytes of a response's body that are worth reading at once: what can be sent on.</summary>
    public virtual int ReadSize => Io.Worker.ReadLimit;

    /// <summary>How the request's body is framed.</summary>
    public abstract BodyFraming RequestFraming { get; }

    /// <summary>Request payload that arrived with the head; valid until the end of the exchange, so that the request can be sent again.</summary>
    public abstract ReadOnlySpan<byte> BufferedBody { get; }

    /// <summary>Request payload behind <see cref="BufferedBody"/> that is there now; valid until the next suspension or call.</summary>
    public abstract DownstreamRead TryReadBody(out ReadOnlySpan<byte> payload);

    /// <summary>The request, which is complete, goes on without a body: its framing and <see cref="BufferedBody"/> are gone. Only asked for where a client's request is redirected.</summary>
    public virtual void DropRequestBody()
    {
    }

    /// <summary>Sends an interim response (1xx) on.</summary>
    public abstract void SendInterim(ResponseHead head);

    /// <summary>Sends the upstream's response head and the first payload in one piece. <paramref name="end"/> says that this is all.</summary>
    public abstract void SendHead(Exchange exchange, in UpstreamResponse response, ReadOnlySpan<byte> payload, bool end);

    /// <summary>True where payload goes to the <see cref="Connection"/> as it is, so that it may go there unseen once the head was sent.</summary>
    public virtual bool TakesPayloadAsItIs => false;

    /// <summary>Sends payload.</summary>
    public abstract void SendBody(ReadOnlySpan<byte> payload, bool end);

    /// <summary>Ends the response with fields behind its body; where the protocol or the settings do not carry them, without.</summary>
    public virtual void SendTrailers(TrailerHead trailers) => SendBody(default, end: true);

    /// <summary>The fields behind the request's body, once it is complete; null where there are none or they are not to be passed on.</summary>
    public virtual TrailerHead? RequestTrailers => null;

    /// <summary>Tells the client that its CONNECT is served: from here on both sides speak freely.</summary>
    public abstract void SendConnected(Exchange exchange);

    /// <summary>From here on <see cref="TryReadBody"/> gives whatever the client sends, until its FIN completes the request.</summary>
    public abstract void BeginTunnel();

    /// <summary>Answers from the proxy itself. Only before <see cref="SendHead"/>.</summary>
    public abstract void SendLocalReply(Exchange exchange, in LocalReply reply);

    /// <summary>Cuts a response that was begun and cannot be completed, so that the client does not take it for whole.</summary>
    public abstract void CutResponse();
}

/// <summary>An upstream response as the client's side needs it.</summary>
/// <param name="Head">Status and fields.</param>
/// <param name="Framing">How its body is framed.</param>
/// <param name="DeclaredLength">Content-Length, also where no body follows (HEAD, 304); -1 where there is none.</param>
internal readonly record struct UpstreamResponse(ResponseHead Head, BodyFraming Framing, long DeclaredLength);

/// <summary>A response that the proxy makes up itself.</summary>
/// <param name="Status">Status code.</param>
/// <param name="Body">Body; plain text unless <paramref name="ExtraLines"/> gives a content type.</param>
/// <param name="ExtraLines">Further header lines, each with its line end; may be empty.</param>
internal readonly record struct LocalReply(int Status, ReadOnlyMemory<byte> Body = default, ReadOnlyMemory<byte> ExtraLines = default)
{
    /// <summary>What logs show for its body where that is said in another way, as gRPC does.</summary>
    public ReadOnlyMemory<byte> Message { get; init; }
}

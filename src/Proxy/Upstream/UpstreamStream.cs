using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>What reading from an upstream gave.</summary>
internal enum UpstreamRead : byte
{
    /// <summary>A head is complete, or payload bytes were read.</summary>
    Ready,

    /// <summary>Nothing more for now: wait.</summary>
    NeedMore,

    /// <summary>The peer ended or reset the stream inside the message, or before it.</summary>
    Disconnected,

    /// <summary>What the peer sent is no HTTP; see <see cref="UpstreamStream.ProtocolErrorDetails"/>.</summary>
    Malformed,
}

/// <summary>
/// The endpoint's side of one attempt, whatever the version of HTTP: a whole connection of HTTP/1.1, or one stream of HTTP/2. The filters send the request by it
/// and read the response; it never waits by itself, it tells the caller what to await.
/// </summary>
internal abstract class UpstreamStream
{
    /// <summary>Of <see cref="LatencyStart"/>: nothing is measured.</summary>
    public const long NoLatency = -1;

    /// <summary>What can be awaited, and the bytes that moved.</summary>
    public abstract LoopStream Io { get; }

    /// <summary>The connection that carries it.</summary>
    public abstract UpstreamConnection Carrier { get; }

    /// <summary>True where other streams share the connection.</summary>
    public abstract bool IsMultiplexed { get; }

    /// <summary>True where the endpoint has said nothing about the request, not even that it refuses it.</summary>
    public abstract bool IsUnanswered { get; }

    /// <summary>How the stream was lost, where reading gave <see cref="UpstreamRead.Disconnected"/>.</summary>
    public virtual StreamLoss Loss => StreamLoss.ConnectionEnded;

    /// <summary>When the first byte of the head being read arrived, on the worker's clock in milliseconds; 0 means not yet.</summary>
    public long FirstByteMs { get; protected set; }

    /// <summary>The response being read. Its bytes stay valid until the next suspension or, where held, until <see cref="DropHead"/>.</summary>
    public ResponseHead Head { get; } = new();

    /// <summary>Offset of the first byte after the head in <see cref="Head"/>'s storage.</summary>
    public abstract int HeadEnd { get; }

    /// <summary>Content-Length as declared, also for a response to HEAD; -1 where there is none.</summary>
    public abstract long DeclaredLength { get; }

    /// <summary>How the body of the current response is framed.</summary>
    public BodyFraming Framing { get; protected set; }

    /// <summary>The fields behind the body, once it is complete; null where there are none or they are not to be passed on.</summary>
    public virtual TrailerHead? Trailers => null;

    /// <summary>Why the response was refused, as the log shows it.</summary>
    public abstract string ProtocolErrorDetails { get; }

    /// <summary>True where received bytes wait to be decoded: take them before suspending.</summary>
    public abstract bool HasUnreadInput { get; }

    /// <summary>True once the whole response was read.</summary>
    public abstract bool IsResponseComplete { get; }

    /// <summary>When the attempt under way began, <see cref="NoLatency"/> where that is not measured, as its endpoint's <see cref="LoadBalancing.PeakEwmaLatency"/> counts.</summary>
    public long LatencyStart { get; set; } = NoLatency;

    /// <summary>Most bytes of a body that are read at once: a stream whose client takes little is to hold little.</summary>
    public int MaxRead { get; set; } = Worker.ReceiveBufferSize;

    /// <summary>True where enough of the body is still to come, and comes as it is, to be moved from socket to socket.</summary>
    public virtual bool IsWorthSplicing => false;

    /// <summary>Gets ready for the response to a request that is about to be sent.</summary>
    public abstract void BeginExchange();

    /// <summary>Sends the request's head and the first of its body.</summary>
    /// <param name="head">The head as HTTP/1.1 has it, with its empty line. It may stand in the worker's scratch memory.</param>
    /// <param name="framing">How the body is framed.</param>
    /// <param name="body">What is there of the body.</param>
    /// <param name="end">True where that is all.</param>
    /// <param name="scheme">The scheme of the request's target.</param>
    public abstract void SendRequest(ref ByteWriter head, BodyFraming framing, ReadOnlySpan<byte> body, bool end, ReadOnlySpan<byte> scheme);

    /// <summary>Sends payload. False where the stream is broken; whoever reads finds out why.</summary>
    public abstract bool SendBody(BodyFraming framing, ReadOnlySpan<byte> payload, bool end);

    /// <summary>Ends the request with fields behind its body; where the protocol or the settings do not carry them, without.</summary>
    public abstract void SendTrailers(BodyFraming framing, TrailerHead trailers);

    /// <summary>
    /// Reads what is there of a head, without waiting; where it needs more, what came is kept over the wait. Interim responses (1xx) come out
    /// like any other; go on with <see cref="NextHead"/>.
    /// </summary>
    public abstract UpstreamRead TryReadHead();

    /// <summary>Skips an interim response and gets ready for the head behind it. The bytes of the skipped head are gone.</summary>
    public abstract void NextHead();

    /// <summary>Settles how the body of the head just read is framed.</summary>
    public abstract void BeginBody(bool isHead);

    /// <summary>From here on <see cref="TryReadBody"/> gives whatever the upstream sends, until its end completes the response.</summary>
    public abstract void BeginTunnel();

    /// <summary>
    /// Payload that is there now, without waiting. <paramref name="payload"/> is valid until the next suspension or call. Take all there is
    /// before suspending: what is left in the worker's receive buffer does not survive.
    /// </summary>
    /// <remarks>Where this returns <see cref="UpstreamRead.Ready"/>, <see cref="IsResponseComplete"/> tells whether that was all.</remarks>
    public abstract UpstreamRead TryReadBody(out ReadOnlySpan<byte> payload);

    /// <summary>Moves what is there of the body to a connection that <see cref="Connection.CanSplice"/>, without a look at it.</summary>
    /// <param name="to">Where it goes.</param>
    /// <param name="count">Bytes moved.</param>
    /// <returns>As <see cref="TryReadBody"/>.</returns>
    public virtual UpstreamRead TrySpliceBody(Connection to, out int count) => throw new NotSupportedException();

    /// <summary>Returns the block that held a head over a suspension, once the head was written on.</summary>
    public abstract void DropHead();

    /// <summary>Ends an exchange that went well: what carries it is kept for others where it can be.</summary>
    public abstract void Release();

    /// <summary>Ends the exchange in whatever state it is; nothing of it is used again.</summary>
    /// <param name="reset">True to tell the endpoint that what it got is not whole.</param>
    public abstract void Close(bool reset = false);

    /// <summary>
    /// The stream broke after the handshake of its connection: finds out whether TLS is to blame. With TLS 1.3 an endpoint that refuses our certificate says so
    /// only then (RFC 8446 section 4.4.2.4).
    /// </summary>
    /// <returns>As <see cref="UpstreamConnection.TransportFailure"/>; empty where TLS has nothing to do with it.</returns>
    public virtual byte[] FindTransportFailure() => Carrier.TransportFailure;
}

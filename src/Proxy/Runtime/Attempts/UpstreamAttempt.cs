using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime.Attempts;

/// <summary>
/// One try to get a response for an exchange: an endpoint, a connection to it and what became of them. An exchange has one of its own, which serves its
/// attempts one after the other; only hedging adds others that run beside it. Used again and again; belongs to the exchange's worker.
/// </summary>
internal sealed class UpstreamAttempt(Exchange exchange)
{
    private LoopDelay? _backOff;
    private PendingRequest? _pending;
    private int _place;
    private long _chosenMs;
    private long _sentBefore;
    private long _receivedBefore;

    public Exchange Exchange => exchange;

    /// <summary>The endpoint that was chosen; null before.</summary>
    public Endpoint? Endpoint { get; private set; }

    /// <summary>The connection in use or being opened; null before and after.</summary>
    public UpstreamStream? Upstream { get; set; }

    /// <summary>Why the attempt gives no response; none while it may.</summary>
    public UpstreamFailure Failure { get; set; }

    /// <summary>True once another attempt was begun beside this one, which is then not retried itself.</summary>
    public bool IsHedged { get; set; }

    /// <summary>True where the time of an attempt has passed and it goes on all the same; whoever waits for its response acts on it.</summary>
    public bool HasSoftlyTimedOut { get; set; }

    /// <summary>True once outlier detection was told that it took too long.</summary>
    public bool IsTimeoutReported { get; set; }

    /// <summary>True where the response says by its gRPC status that the endpoint failed, whatever its HTTP status is.</summary>
    public bool HasFailedByGrpc { get; set; }

    /// <summary>The connection on which the endpoint refused the last attempt; null for none.</summary>
    public UpstreamConnection? RefusedBy { get; set; }

    /// <summary>True where it is to unwind, since it or the exchange has ended.</summary>
    public bool HasEnded => exchange.Abort != AbortReason.None || Failure != UpstreamFailure.None;

    /// <summary>Its place in a queue for a connection.</summary>
    public PendingRequest Pending => _pending ??= new PendingRequest(exchange.Worker);

    /// <summary>Where its connection leads, which may be any address of the endpoint; null where it got none.</summary>
    public SocketEndpoint? ConnectedTo { get; private set; }

    /// <summary>True where the endpoint was spoken to in HTTP/2.</summary>
    public bool IsHttp2 { get; private set; }

    /// <summary>Number of the connection in the log; 0 where there was none.</summary>
    public long ConnectionId { get; private set; }

    /// <summary>From the choice of the endpoint to the connection; null where there was none.</summary>
    public long? PoolReadyMs { get; private set; }

    /// <summary>Our end of the connection, where it is logged.</summary>
    public ReadOnlyMemory<byte> LocalText { get; private set; }

    /// <summary>TLS with the endpoint; null for plain text.</summary>
    public TlsSocket? Tls { get; private set; }

    /// <summary>True where the upstream reset the connection.</summary>
    public bool WasReset { get; private set; }

    /// <summary>errno of the connect that failed; 0 where none did.</summary>
    public int ConnectError { get; set; }

    /// <summary>Why the handshake of the last connect failed, as logs and answers show it; empty where none did.</summary>
    public byte[] TransportFailure { get; set; } = [];

    // Milliseconds on the worker's clock; 0 means not yet.
    public long ConnectBeganMs { get; private set; }

    public long ConnectedMs { get; private set; }

    public long StartMs { get; private set; }

    public long RequestEndMs { get; set; }

    public long ResponseBeginMs { get; set; }

    public long FirstByteMs { get; set; }

    /// <summary>Bytes of the request's head.</summary>
    public long RequestHeadBytes { get; set; }

    /// <summary>Bytes of heads that came from the endpoint.</summary>
    public long HeadBytes { get; set; }

    /// <summary>Bytes on the wire.</summary>
    public long WireSent { get; private set; }

    /// <inheritdoc cref="WireSent"/>
    public long WireReceived { get; private set; }

    /// <summary>An endpoint was chosen: the attempt begins.</summary>
    /// <param name="endpoint">Where it goes.</param>
    /// <param name="place">Its number among the attempts of the exchange.</param>
    public void Begin(Endpoint endpoint, int place)
    {
        Endpoint = endpoint;
        _place = place;
        _chosenMs = exchange.Worker.NowMs;
        IsHedged = HasSoftlyTimedOut = IsTimeoutReported = HasFailedByGrpc = WasReset = false;
        ConnectedTo = null;
        ConnectionId = 0;
        PoolReadyMs = null;
        LocalText = default;
        ConnectBeganMs = ConnectedMs = StartMs = RequestEndMs = ResponseBeginMs = 0;
        RequestHeadBytes = HeadBytes = WireSent = WireReceived = 0;
    }

    /// <summary>A connection to the endpoint is ready: the request goes out.</summary>
    /// <param name="upstream">The connection.</param>
    /// <param name="needs">What logs show of it.</param>
    public void BeginRequest(UpstreamStream upstream, AccessLogNeeds needs)
    {
        Upstream = upstream;
        var carrier = upstream.Carrier;
        carrier.Connection.Served = exchange;
        Tls = carrier.Tls;
        IsHttp2 = upstream.IsMultiplexed;
        ConnectedTo = carrier.Address;
        ConnectionId = carrier.Id;
        StartMs = exchange.Worker.NowMs;
        PoolReadyMs = StartMs - _chosenMs;
        ConnectBeganMs = carrier.ConnectBeganMs;
        ConnectedMs = carrier.ConnectedMs;
        _sentBefore = upstream.Io.BytesSent + upstream.Io.PendingOutput;
        _receivedBefore = upstream.Io.BytesReceived;
        if (needs.HasFlag(AccessLogNeeds.UpstreamTls))
        {
            Tls?.KeepFacts();
        }

        if (needs.HasFlag(AccessLogNeeds.UpstreamLocalAddress))
        {
            LocalText = carrier.Connection.LocalAddress?.Text ?? default;
        }

        exchange.NoteConnection(_place, carrier.Id);
    }

    /// <summary>The request is over on this connection, one way or the other.</summary>
    public void EndRequest(UpstreamStream upstream)
    {
        Upstream = null;
        WireSent = upstream.Io.BytesSent + upstream.Io.PendingOutput - _sentBefore;
        WireReceived = upstream.Io.BytesReceived - _receivedBefore;
        WasReset = upstream.Io.IsReset;
    }

    /// <summary>Await the result: a wait before the next attempt, which <see cref="Wake"/> ends.</summary>
    public LoopSignal BackOff(long delayMs) => (_backOff ??= new LoopDelay(exchange.Worker)).Start(delayMs);

    /// <summary>Resumes it wherever it waits, to see whether it has ended.</summary>
    public void Wake()
    {
        Upstream?.Io.Interrupt();
        _backOff?.End();
        _pending?.Over.Set();
    }

    /// <summary>Forgets the attempt.</summary>
    public void Reset()
    {
        Endpoint = null;
        Upstream = null;
        Failure = UpstreamFailure.None;
        IsHedged = HasSoftlyTimedOut = IsTimeoutReported = WasReset = false;
        ConnectedTo = null;
        ConnectionId = 0;
        PoolReadyMs = null;
        LocalText = default;
        ConnectError = 0;
        TransportFailure = [];
        RefusedBy = null;
        Tls = null;
        ConnectBeganMs = ConnectedMs = StartMs = RequestEndMs = ResponseBeginMs = FirstByteMs = 0;
        RequestHeadBytes = HeadBytes = WireSent = WireReceived = 0;
    }
}

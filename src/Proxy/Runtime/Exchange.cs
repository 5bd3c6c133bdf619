using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>Why an exchange was ended from outside its own flow.</summary>
internal enum AbortReason : byte
{
    None,

    /// <summary>The client closed its connection.</summary>
    ClientGone,

    /// <summary>The client's body breaks its framing.</summary>
    BadRequestBody,

    /// <summary>The route's timeout passed.</summary>
    RouteTimeout,

    /// <summary>No byte moved for the stream idle timeout.</summary>
    IdleTimeout,

    /// <summary>The request did not arrive within the request timeout.</summary>
    RequestTimeout,

    /// <summary>The exchange reached its longest duration.</summary>
    MaxDuration,

    /// <summary>The upstream's side of a tunnel broke.</summary>
    UpstreamGone,

    /// <summary>The client sends its body too slowly.</summary>
    SlowBody,

    /// <summary>The client takes its response too slowly.</summary>
    SlowReader,

    /// <summary>The connection held too much memory.</summary>
    Overload,

    /// <summary>The body of a call of gRPC-Web is no base64.</summary>
    BadGrpcWebBody,
}

/// <summary>
/// One request and its response on one worker, from the first byte of the head to the log record. Pooled: <see cref="Reset"/> forgets
/// everything. What the flow decides is kept here for the log, the statistics and the client's side.
/// </summary>
internal sealed partial class Exchange : IPrefetched
{
    public Exchange(WorkerRuntime runtime)
    {
        Runtime = runtime;
        Parser = new RequestParser(Request);
        Attempt = _attempt = new UpstreamAttempt(this);
    }

    public WorkerRuntime Runtime { get; }

    public Worker Worker => Runtime.Worker;

    /// <summary>The request; another one after a redirect that is followed here.</summary>
    public RequestHead Request { get; private set; } = new();

    public RequestParser Parser { get; private set; }

    public Exchange? NextSpare { get; set; }

#if KPN_CHECKED
    /// <summary>True while nobody holds the exchange; finds double returns and late uses.</summary>
    public bool IsSpare { get; set; }
#endif

    /// <summary>The snapshot that this request sees from beginning to end.</summary>
    public RuntimeSnapshot Snapshot { get; set; } = RuntimeSnapshot.Empty;

    public DownstreamStream Downstream { get; set; } = null!;

    public HttpConnectionManagerConfig Http { get; set; } = null!;

    /// <summary>The peer of the connection.</summary>
    public SocketEndpoint RemoteAddress { get; set; } = null!;

    /// <summary>The client as far as it can be trusted; the peer until admission has looked at the head.</summary>
    public ClientAddress Client { get; } = new();

    public SocketEndpoint LocalAddress { get; set; } = null!;

    public long ConnectionId { get; set; }

    /// <summary>The route table in force for this exchange; null where it has not arrived.</summary>
    public RouteTable? Routes { get; set; }

    /// <summary>The virtual cluster that counts the request; null for none.</summary>
    public CompiledVirtualCluster? VirtualCluster { get; set; }

    /// <summary>The route that matched; null where none did.</summary>
    public CompiledRoute? Route { get; set; }

    /// <summary>The cluster that the route chose for this request; null where it does not forward.</summary>
    public ClusterTarget? Target { get; set; }

    public Cluster? Cluster { get; set; }

    /// <summary>Where the attempt goes that is logged.</summary>
    public Endpoint? Endpoint => Attempt.Endpoint;

    public ResponseFlags Flags { get; set; }

    /// <summary>Status sent to the client; 0 before.</summary>
    public int Status { get; set; }

    /// <summary>Envoy's response code details.</summary>
    public ReadOnlyMemory<byte> Details { get; set; }

    public AbortReason Abort { get; private set; }

    /// <summary>What the request asks to turn the connections into, where that is served.</summary>
    public UpgradeKind Upgrade { get; set; }

    /// <summary>The key of WebSocket that was made up for an upstream of HTTP/1.1; null where none was.</summary>
    public byte[]? WebSocketKey { get; set; }

    /// <summary>True once the upstream agreed and bytes go through as they are.</summary>
    public bool IsTunnel { get; set; }

    public bool IsResponseStarted => Status != 0;

    /// <summary>How often the request was sent.</summary>
    public int Attempts { get; set; }

    /// <summary>True once the router, and not the client's side, should stop reading the request body.</summary>
    public bool StopRequestBody { get; set; }

    public long BytesReceived { get; set; }

    public long BytesSent { get; set; }

    // Milliseconds on the worker's clock; 0 means not yet (the clock starts above it).
    public long StartMs { get; set; }

    public long RequestEndMs { get; set; }

    public long StartWallTicks { get; set; }

    /// <summary>The <c>x-request-id</c> that goes upstream; empty where there is none.</summary>
    public ReadOnlySpan<byte> RequestId => Request.TryGet(KnownHeader.XRequestId, out var id) ? id : default;

    public bool IsHead => Request.IsHead;

    /// <summary>Gets the parser ready for the head, within the bounds that the connection manager sets.</summary>
    /// <param name="longest">Most bytes that its storage can hold.</param>
    public void BeginHead(int longest)
    {
        Parser.MaxHeadBytes = Math.Min(Http.MaxRequestHeadBytes, longest);
        Parser.MaxFields = Http.MaxRequestFields;
        Parser.Underscores = Http.HeadersWithUnderscores;
        Parser.Begin(0);
    }

    /// <summary>Ends the exchange from outside its flow: whatever awaits is resumed, sees the reason and unwinds. The first reason stays.</summary>
    public void AbortWith(AbortReason reason)
    {
#if KPN_CHECKED
        if (IsSpare)
        {
            throw new InvalidOperationException("An exchange was used after it had been returned.");
        }
#endif
        if (Abort != AbortReason.None)
        {
            return;
        }

        Abort = reason;
        WakeAttempts();
        Downstream.Io.Interrupt();
    }

    void IPrefetched.Prefetch(int step)
    {
        if (step == 1)
        {
            CacheLines.Prefetch(Downstream, lines: 3);
            CacheLines.Prefetch(Request, lines: 6);
            CacheLines.Prefetch(_attempt, lines: 5);
        }
        else if (Downstream is { } downstream)
        {
            CacheLines.Prefetch(downstream.Io, lines: 5);
        }
    }

    /// <summary>Forgets the exchange.</summary>
    public void Reset()
    {
        Snapshot = RuntimeSnapshot.Empty;
        Downstream = null!;
        Http = null!;
        Routes = null;
        Route = null;
        VirtualCluster = null;
        Target = null;
        Cluster = null;
        Flags = ResponseFlags.None;
        Status = 0;
        Details = default;
        Abort = AbortReason.None;
        Upgrade = UpgradeKind.None;
        WebSocketKey = null;
        IsTunnel = false;
        Attempts = 0;
        StopRequestBody = false;
        BytesReceived = BytesSent = 0;
        StartMs = RequestEndMs = StartWallTicks = 0;
        Request.Bytes = [];
        ResetTimes();
        ResetHash();
        ResetSession();
        ResetAttempts();
        ResetRedirects();
        ResetLogState();
        ResetNotes();
    }
}

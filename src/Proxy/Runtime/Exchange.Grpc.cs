using System.Buffers;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.Grpc;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What a call of gRPC adds to an exchange. None of it is looked at where a request is not one.</summary>
internal sealed partial class Exchange
{
    private const long AsItCame = -1;
    private const long TakenOut = -2;
    private const long AsExpected = -3;

    private readonly GrpcCall _call = new();
    private GrpcWebCall? _webCall;
    private GrpcBridgeCall? _bridgeCall;
    private ArrayBufferWriter<byte>? _grpcLines;
    private int _replacedStatus;
    private long _grpcTimeoutMs = AsItCame;

    /// <summary>True for a call of gRPC, by the request's content type as it is now: a filter may have made it one.</summary>
    public bool IsGrpc => Request.TryGet(KnownHeader.ContentType, out var type) && GrpcContentType.IsGrpc(type);

    /// <summary>What filters keep of a call; null where none looks at it.</summary>
    public GrpcCall? Call { get; private set; }

    /// <summary>The part of the request's body that came with its head, as it goes upstream; see <see cref="DownstreamStream.BufferedBody"/>.</summary>
    public ReadOnlySpan<byte> FirstBody =>
        Call is null ? Downstream.BufferedBody
        : Call.Web is { IsTextRequest: true } web ? web.FirstBody
        : Call.Bridge is { HasFirstBody: true } bridge ? bridge.FirstBody
        : Downstream.BufferedBody;

    /// <summary>The status that statistics of clusters and routes count: that of the response, or the one that an answer of our own had before it became one of gRPC's.</summary>
    public int CountedStatus => _replacedStatus != 0 ? _replacedStatus : Status;

    /// <summary>True where the upstream is told another time than the client's <c>grpc-timeout</c>.</summary>
    public bool ReplacesGrpcTimeout => _grpcTimeoutMs == AsExpected ? ExpectedTimeoutMs > 0 : _grpcTimeoutMs != AsItCame;

    /// <summary>What the upstream is told in <c>grpc-timeout</c>, in milliseconds; negative for nothing. Only where it is replaced.</summary>
    public long GrpcTimeoutToTellMs => _grpcTimeoutMs == AsExpected ? ExpectedTimeoutMs : _grpcTimeoutMs;

    /// <summary>The client gets another status than the upstream sent, which is the one that counts there.</summary>
    public void CountStatusAs(int status) => _replacedStatus = status;

    /// <summary>A filter looks at the call.</summary>
    public GrpcCall BeginCall() => Call ??= _call;

    /// <summary>A filter speaks gRPC for a browser.</summary>
    public GrpcWebCall BeginWebCall() => BeginCall().Web = _webCall ??= new GrpcWebCall();

    /// <summary>A filter speaks gRPC for a client that sees no trailers.</summary>
    public GrpcBridgeCall BeginBridgeCall() => BeginCall().Bridge = _bridgeCall ??= new GrpcBridgeCall();

    /// <summary>
    /// An answer of our own as gRPC has it: 200, and everything in the head (gRPC, PROTOCOL-HTTP2, "Trailers-Only"). The lines are valid until the next reply.
    /// </summary>
    /// <param name="reply">The answer as it would be otherwise.</param>
    /// <param name="code">The status; null for what that of HTTP stands for.</param>
    public LocalReply ToGrpc(in LocalReply reply, GrpcCode? code)
    {
        var lines = BeginLines("application/grpc"u8);
        WriteStatus(lines, code ?? GrpcCodes.FromHttp(reply.Status));
        WriteMessage(lines, IsHead ? default : reply.Body.Span);
        lines.Write(reply.ExtraLines.Span);
        _replacedStatus = reply.Status;
        return new LocalReply(200, default, lines.WrittenMemory) { Message = reply.Body };
    }

    /// <summary>
    /// An answer that is no gRPC as a browser gets it, whose client looks for a status of gRPC but not for 200: the body becomes the message (Envoy's gRPC-Web filter).
    /// </summary>
    /// <param name="web">The browser's side of the call.</param>
    /// <param name="reply">The answer as it would be otherwise.</param>
    /// <param name="isCalled">True where a status is told even without a body.</param>
    public LocalReply ToGrpcWeb(GrpcWebCall web, in LocalReply reply, bool isCalled)
    {
        var lines = BeginLines(web.ContentType);
        if (isCalled || !reply.Body.IsEmpty)
        {
            WriteStatus(lines, GrpcCodes.FromHttp(reply.Status));
            WriteMessage(lines, reply.Body.Span);
        }

        lines.Write(reply.ExtraLines.Span);
        return new LocalReply(reply.Status, default, lines.WrittenMemory) { Message = reply.Body };
    }

    private ArrayBufferWriter<byte> BeginLines(ReadOnlySpan<byte> contentType)
    {
        var lines = _grpcLines ??= new ArrayBufferWriter<byte>();
        lines.ResetWrittenCount();
        lines.Write("content-type: "u8);
        lines.Write(contentType);
        lines.Write("\r\n"u8);
        return lines;
    }

    private static void WriteStatus(ArrayBufferWriter<byte> lines, GrpcCode code)
    {
        lines.Write("grpc-status: "u8);
        System.Buffers.Text.Utf8Formatter.TryFormat((int)code, lines.GetSpan(3), out var length);
        lines.Advance(length);
        lines.Write("\r\n"u8);
    }

    private static void WriteMessage(ArrayBufferWriter<byte> lines, ReadOnlySpan<byte> message)
    {
        if (!message.IsEmpty)
        {
            lines.Write("grpc-message: "u8);
            GrpcMessage.Encode(message, lines);
            lines.Write("\r\n"u8);
        }
    }

    /// <summary>How long a call may take by a route that says so: Envoy's <c>max_stream_duration</c> for a call with <c>grpc-timeout</c>.</summary>
    /// <param name="policy">What the route says.</param>
    /// <param name="wasBounded">True where the connection manager sets a limit.</param>
    private void TakeStreamDuration(GrpcTimeoutPolicy policy, bool wasBounded)
    {
        var duration = _maxDurationMs;
        var isBounded = duration > 0;
        if (policy.Max is { } max && GrpcTimeout.TryGet(Request, out var asked))
        {
            duration = Reduced(AtMost(asked, (long)max.TotalMilliseconds), (long)policy.Offset.TotalMilliseconds, orNothing: true);
            isBounded = true;

            // What is over already ends at the next tick.
            _maxDurationMs = Math.Max(1, duration);
        }

        if (IsGrpc)
        {
            _grpcTimeoutMs = isBounded ? duration : wasBounded ? TakenOut : AsItCame;
        }
    }

    /// <summary>The route's timeout by what a call asks for: Envoy's <c>max_grpc_timeout</c>, where no time asked for is no end, and no limit neither.</summary>
    private long GrpcRouteTimeoutMs(GrpcTimeoutPolicy policy)
    {
        _ = GrpcTimeout.TryGet(Request, out var asked);
        var max = (long)policy.Max!.Value.TotalMilliseconds;
        var timeout = Reduced(asked, (long)policy.Offset.TotalMilliseconds, orNothing: false);
        _grpcTimeoutMs = AsExpected;
        return timeout == 0 ? max : AtMost(timeout, max);
    }

    /// <summary>The time less what is set aside for the way back; where that is all of it, nothing, or the time as it is.</summary>
    private static long Reduced(long milliseconds, long offset, bool orNothing) =>
        offset < milliseconds ? milliseconds - offset : orNothing && offset > 0 ? 0 : milliseconds;

    private static long AtMost(long milliseconds, long max) => max > 0 ? Math.Min(milliseconds, max) : milliseconds;

    private void ResetGrpc()
    {
        _replacedStatus = 0;
        _grpcTimeoutMs = AsItCame;
        if (Call is not null)
        {
            Call.Reset();
            Call = null;
        }
    }
}

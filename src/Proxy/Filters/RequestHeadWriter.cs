using System.Buffers;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Composes the request for the upstream: the client's fields, less what must not travel, plus what Envoy's connection manager and router add.</summary>
internal static class RequestHeadWriter
{
    /// <summary>Room for everything the proxy adds besides mutations and a rewritten target or Host.</summary>
    private const int OwnFieldsRoom = 1024;

    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    /// <summary>Sends the head and the body that arrived with it. A failure shows when the response is read.</summary>
    public static void Send(Exchange exchange, UpstreamStream upstream)
    {
        var body = exchange.FirstBody;
        exchange.BytesReceived = body.Length;
        var downstream = exchange.Downstream;
        var isWhole = downstream.IsRequestComplete && (downstream.IsRequestBuffered || exchange.Upgrade == UpgradeKind.None);
        var trailers = isWhole ? downstream.RequestTrailers : null;
        Send(exchange, upstream, body, isWhole && trailers is null);
        if (trailers is not null)
        {
            upstream.SendTrailers(exchange.UpstreamRequestFraming, trailers);
        }
    }

    /// <summary>Sends the head again, and what was sent behind it before. A failure shows when the response is read.</summary>
    public static void SendAgain(Exchange exchange, UpstreamStream upstream, ReplayBuffer replay)
    {
        Send(exchange, upstream, default, end: false);
        var framing = exchange.UpstreamRequestFraming;
        for (var i = 0; i < replay.PieceCount; i++)
        {
            upstream.SendBody(framing, replay.Piece(i), end: false);
        }

        if (!exchange.Downstream.IsRequestComplete)
        {
            return;
        }

        if (exchange.Downstream.RequestTrailers is { } trailers)
        {
            upstream.SendTrailers(framing, trailers);
        }
        else
        {
            upstream.SendBody(framing, default, end: true);
        }
    }

    /// <summary>The head as it goes upstream, with room for <see cref="MessageSender.CopyLimit"/> bytes behind it; valid until the worker composes another, or sends anything.</summary>
    /// <param name="exchange">Whose request it is.</param>
    /// <param name="isHttp2">True where it goes by HTTP/2, which has one field of HTTP/1's connections: <c>te: trailers</c> (RFC 9113 section 8.2.2).</param>
    public static ByteWriter Compose(Exchange exchange, bool isHttp2 = false)
    {
        var mutations = AppliedMutations.ToRequest(exchange, exchange.Target!.RequestMutations);
        var overrides = exchange.Runtime.Overrides;
        overrides.ResetWrittenCount();

        // Composed first, since a rewrite may make them longer than the whole head that came.
        if (exchange.Route!.Forward!.RewritesTarget && !exchange.Request.IsConnect)
        {
            exchange.Route.Forward.WriteTarget(exchange.Request, overrides);
        }

        var targetLength = overrides.WrittenCount;
        var replacesHost = TryWriteHost(exchange, overrides);

        var draft = exchange.Worker.DraftFor(isHttp2);
        var worstCase = (2 * exchange.Parser.HeadEnd) + exchange.Request.OwnLength + overrides.WrittenCount + mutations.MaxLength + OwnFieldsRoom + MessageSender.CopyLimit;
        var writer = new ByteWriter(worstCase <= draft.Length ? draft : new byte[worstCase]);
        WriteRequestLine(ref writer, exchange, overrides.WrittenSpan[..targetLength]);
        if (replacesHost)
        {
            writer.WriteField("host"u8, overrides.WrittenSpan[targetLength..]);
        }

        // One that a filter has added is copied with the others of its kind.
        if (isHttp2 && exchange.Request.TryGet(KnownHeader.Te, out var codings) && Http.Ascii.HasListElement(codings, "trailers"u8) && !exchange.Request.HasOwn(KnownHeader.Te))
        {
            writer.Write("te: trailers\r\n"u8);
        }

        WriteFields(ref writer, exchange, mutations, replacesHost, isHttp2);
        overrides.ResetWrittenCount();
        return writer;
    }

    private static void Send(Exchange exchange, UpstreamStream upstream, ReadOnlySpan<byte> body, bool end)
    {
        var writer = Compose(exchange, upstream.IsMultiplexed);
        exchange.NoteRequestHead(writer.Written);
        upstream.SendRequest(ref writer, exchange.UpstreamRequestFraming, body, end, exchange.Request.Scheme);
    }

    private static void WriteRequestLine(ref ByteWriter writer, Exchange exchange, ReadOnlySpan<byte> rewrittenTarget)
    {
        writer.Write(exchange.Request.Method);
        writer.Write(" "u8);
        writer.Write(exchange.Request.IsConnect ? exchange.Request.Authority : exchange.Route!.Forward!.RewritesTarget ? rewrittenTarget : exchange.Request.Target);
        writer.Write(" HTTP/1.1\r\n"u8);
    }

    /// <summary>Writes the value of Host (RFC 9112 §3.2) where it is not simply the client's field; false where that is forwarded.</summary>
    private static bool TryWriteHost(Exchange exchange, ArrayBufferWriter<byte> output)
    {
        var request = exchange.Request;
        var forward = exchange.Route!.Forward!;
        if (forward.RewritesHostToEndpoint && exchange.Endpoint!.Config.Hostname is { Length: > 0 } hostname)
        {
            Encoding.ASCII.GetBytes(hostname.AsSpan(), output);
            return true;
        }

        if (forward.TryWriteHost(request, exchange.Target!, output))
        {
            return true;
        }

        // The field itself is forwarded, unless an absolute-form target or a default gave the authority.
        if (request.TryGet(KnownHeader.Host, out var host) && host.SequenceEqual(request.Authority))
        {
            return false;
        }

        output.Write(request.Authority);
        return true;
    }

    private static void WriteFields(ref ByteWriter writer, Exchange exchange, in AppliedMutations mutations, bool replacesHost, bool isHttp2)
    {
        var request = exchange.Request;
        var http = exchange.Http;
        var skip = HeaderMask.NeverForwarded.With(KnownHeader.XEnvoyExpectedRequestTimeoutMs);
        if (replacesHost)
        {
            skip = skip.With(KnownHeader.Host);
        }

        if (exchange.Parser.ExpectsContinue && !http.Proxy100Continue)
        {
            skip = skip.With(KnownHeader.Expect);
        }

        var forward = exchange.Route!.Forward!;
        if (forward.IncludesAttemptCountInRequest)
        {
            skip = skip.With(KnownHeader.XEnvoyAttemptCount);
        }

        var tellsOriginalPath = forward.RewritesTarget && !request.IsConnect && !http.SuppressEnvoyHeaders;
        if (tellsOriginalPath)
        {
            skip = skip.With(KnownHeader.XEnvoyOriginalPath);
        }

        var appendsForwardedHost = replacesHost && forward.Source.AppendXForwardedHost;
        if (appendsForwardedHost)
        {
            skip = skip.With(KnownHeader.XForwardedHost);
        }

        var tellsGrpcTimeout = exchange.ReplacesGrpcTimeout;
        if (tellsGrpcTimeout)
        {
            skip = skip.With(KnownHeader.GrpcTimeout);
        }

        FieldForwarding.Copy(ref writer, request, exchange.Parser.HeadEnd - 2, skip, mutations, exchange.Parser.NominatesFields);
        FieldForwarding.CopyOwn(ref writer, request, mutations);
        if (tellsOriginalPath)
        {
            writer.WriteField("x-envoy-original-path"u8, request.Target);
        }

        if (appendsForwardedHost)
        {
            WriteForwardedHost(ref writer, request);
        }

        if (exchange.ExpectedTimeoutMs > 0 && !http.SuppressEnvoyHeaders)
        {
            writer.Write(exchange.Runtime.ExpectedTimeout.For(exchange.ExpectedTimeoutMs));
        }

        if (tellsGrpcTimeout && exchange.GrpcTimeoutToTellMs is >= 0 and var callTimeoutMs)
        {
            GrpcTimeout.Write(ref writer, callTimeoutMs);
        }

        if (forward.IncludesAttemptCountInRequest)
        {
            writer.Write("x-envoy-attempt-count: "u8);
            writer.WriteNumber(exchange.TryCount);
            writer.Write(LineEnd);
        }

        mutations.Write(ref writer, request, added: default);
        WriteFraming(ref writer, exchange.UpstreamRequestFraming);
        if (exchange.Upgrade == UpgradeKind.Protocol && request.TryGet(KnownHeader.Upgrade, out var protocol))
        {
            writer.Write("connection: upgrade\r\n"u8);
            writer.WriteField("upgrade"u8, protocol);
            exchange.WebSocketKey = null;
            if (!isHttp2 && exchange.Downstream.IsHttp2 && Http.Ascii.EqualsIgnoreCase(protocol, "websocket"u8) && !request.TryGet("sec-websocket-key"u8, out _))
            {
                // It came by extended CONNECT, which has no keys.
                exchange.WebSocketKey = WebSocketKeys.Create(exchange.Worker.Random.Next(), exchange.Worker.Random.Next());
                writer.WriteField("sec-websocket-key"u8, exchange.WebSocketKey);
            }
        }

        writer.Write(LineEnd);
    }

    /// <summary>The hosts that earlier proxies replaced, then the one that is replaced here.</summary>
    private static void WriteForwardedHost(ref ByteWriter writer, RequestHead request)
    {
        writer.Write("x-forwarded-host: "u8);
        foreach (ref readonly var field in request.Fields)
        {
            if (field.Id == KnownHeader.XForwardedHost && !field.Value.IsEmpty)
            {
                writer.Write(request.Span(field.Value));
                writer.Write(","u8);
            }
        }

        writer.Write(request.Authority);
        writer.Write(LineEnd);
    }

    private static void WriteFraming(ref ByteWriter writer, BodyFraming framing)
    {
        if (framing.Kind == BodyKind.Chunked)
        {
            writer.Write("transfer-encoding: chunked\r\n"u8);
        }
        else if (framing.Kind == BodyKind.ContentLength)
        {
            writer.Write("content-length: "u8);
            writer.WriteNumber(framing.Length);
            writer.Write(LineEnd);
        }
    }
}

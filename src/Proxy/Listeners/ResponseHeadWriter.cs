using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>Composes response heads: as HTTP/1.1 has them, whatever the client speaks.</summary>
internal static class ResponseHeadWriter
{
    /// <summary>Room for everything the proxy adds besides mutations.</summary>
    public const int OwnFieldsRoom = 1024;

    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    /// <summary>An upstream's head. <paramref name="framing"/> is how the body goes to the client.</summary>
    public static void Write(
        ref ByteWriter writer, Exchange exchange, in UpstreamResponse response, in AppliedMutations mutations, BodyFraming framing, bool close)
    {
        WriteForwarded(ref writer, exchange, response.Head, mutations);
        WriteFraming(ref writer, framing, response.DeclaredLength, response.Head.Status);
        WriteEnd(ref writer, exchange, close);
    }

    /// <summary>The upstream's agreement to an upgrade or CONNECT: no body, and the connection goes on as a tunnel.</summary>
    public static void WriteAgreement(ref ByteWriter writer, Exchange exchange, ResponseHead head, in AppliedMutations mutations)
    {
        WriteForwarded(ref writer, exchange, head, mutations);
        if (exchange.Upgrade == UpgradeKind.Protocol && head.TryGet(KnownHeader.Upgrade, out var protocol))
        {
            writer.Write("connection: upgrade\r\n"u8);
            writer.WriteField("upgrade"u8, protocol);
            if (exchange.Attempt.IsHttp2 && !exchange.Downstream.IsHttp2 && exchange.Request.TryGet("sec-websocket-key"u8, out var key)
                && !head.TryGet("sec-websocket-accept"u8, out _))
            {
                // The upstream agreed in HTTP/2, which has no such proof, and a client of HTTP/1.1 demands it.
                writer.WriteField("sec-websocket-accept"u8, WebSocketKeys.AcceptOf(key));
            }
        }

        writer.Write(LineEnd);
    }

    /// <summary>Our own agreement to CONNECT.</summary>
    public static void WriteConnected(ref ByteWriter writer, Exchange exchange, in AppliedMutations mutations)
    {
        var own = OwnFieldsOfLocal(exchange, hasBody: false);
        writer.Write("HTTP/1.1 200 OK\r\n"u8);
        WriteOwnFields(ref writer, exchange, mutations, own);
        mutations.Write(ref writer, head: null, own);
        writer.Write(LineEnd);
    }

    /// <summary>A head that the proxy makes up, and its body.</summary>
    public static void WriteLocal(ref ByteWriter writer, Exchange exchange, in LocalReply reply, in AppliedMutations mutations, bool close)
    {
        var own = OwnFieldsOfLocal(exchange, !reply.Body.IsEmpty);
        WriteStatusLine(ref writer, exchange, reply.Status, ReasonPhrases.Of(reply.Status));
        if (own.Contains(KnownHeader.ContentType) && !mutations.Removes(KnownHeader.ContentType, default))
        {
            writer.Write("content-type: text/plain\r\n"u8);
        }

        writer.Write(reply.ExtraLines.Span);
        WriteOwnFields(ref writer, exchange, mutations, own);
        WriteVia(ref writer, exchange, head: null);
        mutations.Write(ref writer, head: null, own);
        if (reply.Status is >= 200 and not 204 and not 304)
        {
            writer.Write("content-length: "u8);
            writer.WriteNumber(reply.Body.Length);
            writer.Write(LineEnd);
        }

        WriteEnd(ref writer, exchange, close);
        if (!exchange.IsHead && reply.Status is not 204 and not 304)
        {
            writer.Write(reply.Body.Span);
        }
    }

    /// <summary>An interim response, less what concerns only the upstream connection.</summary>
    public static void WriteInterim(ref ByteWriter writer, ResponseHead head, int fieldsEnd)
    {
        writer.Write("HTTP/1.1 "u8);
        writer.WriteNumber(head.Status);
        writer.Write(" "u8);
        writer.Write(head.Reason);
        writer.Write(LineEnd);
        FieldForwarding.Copy(ref writer, head, fieldsEnd, HeaderMask.NeverForwarded, AppliedMutations.None, head.Has(KnownHeader.Connection));
        writer.Write(LineEnd);
    }

    /// <summary>The status line and all fields but those that say how the body is framed and what becomes of the connection.</summary>
    private static void WriteForwarded(ref ByteWriter writer, Exchange exchange, ResponseHead head, in AppliedMutations mutations)
    {
        var http = exchange.Http;
        var own = OwnFieldsOf(exchange, head);
        WriteStatusLine(ref writer, exchange, head.Status, head.HasOwnStatus ? ReasonPhrases.Of(head.Status) : head.Reason);

        var skip = HeaderMask.NeverForwarded.With(KnownHeader.XEnvoyUpstreamServiceTime);
        if (own.Contains(KnownHeader.Server))
        {
            skip = skip.With(KnownHeader.Server);
        }

        if (exchange.Via.Length > 0)
        {
            skip = skip.With(KnownHeader.Via);
        }

        if (own.Contains(KnownHeader.XEnvoyAttemptCount))
        {
            skip = skip.With(KnownHeader.XEnvoyAttemptCount);
        }

        FieldForwarding.Copy(ref writer, head, exchange.ResponseFieldsEnd, skip, mutations, honourNominations: head.Has(KnownHeader.Connection));
        if (head.OwnLength > 0)
        {
            FieldForwarding.CopyOwn(ref writer, head, mutations);
        }

        WriteOwnFields(ref writer, exchange, mutations, own);
        if (!http.SuppressEnvoyHeaders)
        {
            writer.Write("x-envoy-upstream-service-time: "u8);
            writer.WriteNumber(exchange.Attempt.FirstByteMs - exchange.Attempt.StartMs);
            writer.Write(LineEnd);
        }

        WriteVia(ref writer, exchange, head);
        writer.Write(exchange.SetCookieLines);
        writer.Write(exchange.SessionLine);
        mutations.Write(ref writer, head, own);
    }

    private static void WriteStatusLine(ref ByteWriter writer, Exchange exchange, int status, ReadOnlySpan<byte> reason)
    {
        // A server answers with its own version (RFC 9110 §2.5), also to HTTP/1.0.
        if (status == 200 && reason.SequenceEqual("OK"u8))
        {
            writer.Write("HTTP/1.1 200 OK\r\n"u8);
            return;
        }

        writer.Write("HTTP/1.1 "u8);
        writer.WriteNumber(status);
        writer.Write(" "u8);
        writer.Write(reason);
        writer.Write(LineEnd);
    }

    private static void WriteOwnFields(ref ByteWriter writer, Exchange exchange, in AppliedMutations mutations, HeaderMask own)
    {
        if (own.Contains(KnownHeader.Date) && !mutations.Removes(KnownHeader.Date, default))
        {
            writer.Write(exchange.Runtime.DateLine);
        }

        if (own.Contains(KnownHeader.Server) && !mutations.Removes(KnownHeader.Server, default))
        {
            writer.Write("server: "u8);
            writer.Write(exchange.ServerName);
            writer.Write(LineEnd);
        }

        if (own.Contains(KnownHeader.XRequestId))
        {
            writer.WriteField("x-request-id"u8, exchange.RequestId);
        }

        if (own.Contains(KnownHeader.XEnvoyAttemptCount))
        {
            writer.Write("x-envoy-attempt-count: "u8);
            writer.WriteNumber(exchange.TryCount);
            writer.Write(LineEnd);
        }
    }

    /// <summary>The fields that the proxy writes itself into an upstream's response, unless the route's changes take them away.</summary>
    public static HeaderMask OwnFieldsOf(Exchange exchange, ResponseHead head)
    {
        var http = exchange.Http;
        var own = OwnFieldsOfAll(exchange);
        if (http.ServerHeader == ServerHeaderTransformation.Overwrite
            || (http.ServerHeader == ServerHeaderTransformation.AppendIfAbsent && !head.Has(KnownHeader.Server)))
        {
            own = own.With(KnownHeader.Server);
        }

        return head.Has(KnownHeader.Date) ? own : own.With(KnownHeader.Date);
    }

    /// <summary>The same for an answer of our own.</summary>
    public static HeaderMask OwnFieldsOfLocal(Exchange exchange, bool hasBody)
    {
        var own = OwnFieldsOfAll(exchange).With(KnownHeader.Server).With(KnownHeader.Date);
        return hasBody ? own.With(KnownHeader.ContentType) : own;
    }

    private static HeaderMask OwnFieldsOfAll(Exchange exchange)
    {
        var own = default(HeaderMask);
        if (exchange.Http.AlwaysSetRequestIdInResponse && !exchange.RequestId.IsEmpty)
        {
            own = own.With(KnownHeader.XRequestId);
        }

        return TellsAttempts(exchange) ? own.With(KnownHeader.XEnvoyAttemptCount) : own;
    }

    private static bool TellsAttempts(Exchange exchange) => exchange.TryCount > 0 && exchange.Route?.Forward is { IncludesAttemptCountInResponse: true };

    /// <summary>Adds this proxy to Via, behind those that the response has passed (RFC 9110 §7.6.3), where that is configured.</summary>
    private static void WriteVia(ref ByteWriter writer, Exchange exchange, ResponseHead? head)
    {
        if (exchange.Via.IsEmpty)
        {
            return;
        }

        writer.Write("via: "u8);
        if (head is not null && head.Has(KnownHeader.Via))
        {
            foreach (ref readonly var field in head.Fields)
            {
                if (field.Id == KnownHeader.Via && !field.Value.IsEmpty)
                {
                    writer.Write(head.Span(field.Value));
                    writer.Write(", "u8);
                }
            }
        }

        writer.Write(exchange.Via);
        writer.Write(LineEnd);
    }

    private static void WriteFraming(ref ByteWriter writer, BodyFraming framing, long declaredLength, int status)
    {
        switch (framing.Kind)
        {
            case BodyKind.Chunked:
                writer.Write("transfer-encoding: chunked\r\n"u8);
                break;
            case BodyKind.ContentLength:
                WriteLength(ref writer, framing.Length);
                break;
            case BodyKind.None when declaredLength >= 0 && status is not 204:
                // A response to HEAD, or 304: the length that a GET would have (RFC 9110 §8.6).
                WriteLength(ref writer, declaredLength);
                break;
        }
    }

    private static void WriteLength(ref ByteWriter writer, long length)
    {
        writer.Write("content-length: "u8);
        writer.WriteNumber(length);
        writer.Write(LineEnd);
    }

    private static void WriteEnd(ref ByteWriter writer, Exchange exchange, bool close)
    {
        if (close)
        {
            writer.Write("connection: close\r\n"u8);
        }
        else if (exchange.Request.MinorVersion == 0)
        {
            writer.Write("connection: keep-alive\r\n"u8);
        }

        writer.Write(LineEnd);
    }
}

using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>Composes response heads for an HTTP/1 client.</summary>
internal static class ResponseHeadWriter
{
    /// <summary>Room for everything the proxy adds besides mutations.</summary>
    public const int OwnFieldsRoom = 1024;

    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    /// <summary>An upstream's head. <paramref name="framing"/> is how the body goes to the client.</summary>
    public static void Write(ref ByteWriter writer, Exchange exchange, in UpstreamResponse response, BodyFraming framing, bool close)
    {
        WriteForwarded(ref writer, exchange, response.Head);
        WriteFraming(ref writer, framing, response.DeclaredLength, response.Head.Status);
        WriteEnd(ref writer, exchange, close);
    }

    /// <summary>The upstream's agreement to an upgrade or CONNECT: no body, and the connection goes on as a tunnel.</summary>
    public static void WriteAgreement(ref ByteWriter writer, Exchange exchange, ResponseHead head)
    {
        WriteForwarded(ref writer, exchange, head);
        if (exchange.Upgrade == UpgradeKind.Protocol && head.TryGet(KnownHeader.Upgrade, out var protocol))
        {
            writer.Write("connection: upgrade\r\n"u8);
            writer.WriteField("upgrade"u8, protocol);
        }

        writer.Write(LineEnd);
    }

    /// <summary>Our own agreement to CONNECT.</summary>
    public static void WriteConnected(ref ByteWriter writer, Exchange exchange)
    {
        var mutations = exchange.Route?.ResponseMutations ?? HeaderMutations.None;
        writer.Write("HTTP/1.1 200 OK\r\n"u8);
        WriteOwnFields(ref writer, exchange, mutations, setsServer: true, setsDate: true, out var own);
        foreach (var mutation in mutations.Items)
        {
            writer.Write(own.Contains(mutation.Id) ? mutation.LinesIfPresent : mutation.LinesIfAbsent);
        }

        writer.Write(LineEnd);
    }

    /// <summary>A head that the proxy makes up, and its body.</summary>
    public static void WriteLocal(ref ByteWriter writer, Exchange exchange, in LocalReply reply, bool close)
    {
        WriteStatusLine(ref writer, exchange, reply.Status, ReasonPhrases.Of(reply.Status));
        var mutations = exchange.Route?.ResponseMutations ?? HeaderMutations.None;
        var added = default(HeaderMask);
        if (!reply.Body.IsEmpty && !FieldForwarding.IsRemoved(mutations, KnownHeader.ContentType))
        {
            writer.Write("content-type: text/plain\r\n"u8);
            added = added.With(KnownHeader.ContentType);
        }

        writer.Write(reply.ExtraLines.Span);
        WriteOwnFields(ref writer, exchange, mutations, setsServer: true, setsDate: true, out var own);
        WriteVia(ref writer, exchange, head: null);
        foreach (var mutation in mutations.Items)
        {
            var isPresent = KnownHeaders.IsName(mutation.Id) && (added.Contains(mutation.Id) || own.Contains(mutation.Id));
            writer.Write(isPresent ? mutation.LinesIfPresent : mutation.LinesIfAbsent);
        }

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
        FieldForwarding.Copy(ref writer, head, fieldsEnd, HeaderMask.NeverForwarded, HeaderMutations.None, head.Has(KnownHeader.Connection));
        writer.Write(LineEnd);
    }

    /// <summary>The status line and all fields but those that say how the body is framed and what becomes of the connection.</summary>
    private static void WriteForwarded(ref ByteWriter writer, Exchange exchange, ResponseHead head)
    {
        var http = exchange.Http;
        WriteStatusLine(ref writer, exchange, head.Status, head.Reason);

        var setsServer = http.ServerHeader == ServerHeaderTransformation.Overwrite
            || (http.ServerHeader == ServerHeaderTransformation.AppendIfAbsent && !head.Has(KnownHeader.Server));
        var skip = HeaderMask.NeverForwarded.With(KnownHeader.XEnvoyUpstreamServiceTime);
        if (setsServer)
        {
            skip = skip.With(KnownHeader.Server);
        }

        if (exchange.Via.Length > 0)
        {
            skip = skip.With(KnownHeader.Via);
        }

        if (TellsAttempts(exchange))
        {
            skip = skip.With(KnownHeader.XEnvoyAttemptCount);
        }

        var mutations = exchange.Target?.ResponseMutations ?? HeaderMutations.None;
        FieldForwarding.Copy(ref writer, head, exchange.ResponseFieldsEnd, skip, mutations, honourNominations: head.Has(KnownHeader.Connection));
        WriteOwnFields(ref writer, exchange, mutations, setsServer, setsDate: !head.Has(KnownHeader.Date), out var added);
        if (!http.SuppressEnvoyHeaders)
        {
            writer.Write("x-envoy-upstream-service-time: "u8);
            writer.WriteNumber(exchange.UpstreamFirstByteMs - exchange.UpstreamStartMs);
            writer.Write(LineEnd);
        }

        WriteVia(ref writer, exchange, head);
        FieldForwarding.WriteAdditions(ref writer, head, mutations, added);
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

    private static void WriteOwnFields(
        ref ByteWriter writer, Exchange exchange, HeaderMutations mutations, bool setsServer, bool setsDate, out HeaderMask added)
    {
        added = default;
        if (setsDate && !FieldForwarding.IsRemoved(mutations, KnownHeader.Date))
        {
            writer.Write(exchange.Runtime.DateLine);
            added = added.With(KnownHeader.Date);
        }

        if (setsServer && !FieldForwarding.IsRemoved(mutations, KnownHeader.Server))
        {
            writer.Write("server: "u8);
            writer.Write(exchange.ServerName);
            writer.Write(LineEnd);
            added = added.With(KnownHeader.Server);
        }

        if (exchange.Http.AlwaysSetRequestIdInResponse && !exchange.RequestId.IsEmpty)
        {
            writer.WriteField("x-request-id"u8, exchange.RequestId);
            added = added.With(KnownHeader.XRequestId);
        }

        if (TellsAttempts(exchange))
        {
            writer.Write("x-envoy-attempt-count: "u8);
            writer.WriteNumber(exchange.TryCount);
            writer.Write(LineEnd);
            added = added.With(KnownHeader.XEnvoyAttemptCount);
        }
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

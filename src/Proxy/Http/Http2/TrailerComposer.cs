using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>Makes lines of the fields behind a body (RFC 9113 section 8.1). What frames or routes a message has no meaning there and is left out (RFC 9110 section 6.5.1).</summary>
internal ref struct TrailerComposer(Span<byte> memory, int limit) : IHpackFields
{
    /// <summary>What no message of HTTP/2 may have is refused, and not left out (RFC 9113 section 8.2.2).</summary>
    private static readonly HeaderMask Refused = HeaderMask.Of(
        KnownHeader.Connection, KnownHeader.KeepAlive, KnownHeader.ProxyConnection, KnownHeader.TransferEncoding, KnownHeader.Upgrade);

    private ComposedFields _fields = new(memory, limit);

    /// <summary>What was gathered.</summary>
    public readonly FieldsVerdict Finish(out ReadOnlySpan<byte> lines)
    {
        lines = _fields.Written;
        return _fields.Verdict;
    }

    /// <inheritdoc/>
    public bool OnField(scoped HpackField field)
    {
        if (field.Pseudo != PseudoHeader.None)
        {
            return _fields.Refuse();
        }

        // What is left out is judged all the same: a field that was taken once comes out of the table as one that was found good.
        return !Refused.Contains(field.Id) && ForbiddenTrailers.Contains(field.Id, field.Name) ? _fields.Judge(field) : _fields.Append(field);
    }
}

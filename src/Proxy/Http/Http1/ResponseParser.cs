namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>Reads response heads (RFC 9112 §4).</summary>
internal sealed class ResponseParser(ResponseHead head) : HeadParser
{
    private BodyFraming _declared;

    /// <summary>True where the connection cannot carry another response (RFC 9112 §9.3).</summary>
    public bool WantsClose { get; private set; }

    /// <inheritdoc/>
    protected override MessageHead Head => head;

    /// <summary>The framing of the body, given whether the request was HEAD (RFC 9112 §6.3).</summary>
    public BodyFraming Framing(bool isHead)
    {
        if (isHead || head.Status is < 200 or 204 or 304)
        {
            return BodyFraming.None;
        }

        return _declared.Kind == BodyKind.None ? BodyFraming.UntilClose : _declared;
    }

    /// <summary>The Content-Length that the head declares, also where no body follows; -1 where it declares none.</summary>
    public long DeclaredLength => _declared.Kind == BodyKind.ContentLength ? _declared.Length : -1;

    /// <inheritdoc/>
    protected override Http1Error JudgeStart(ReadOnlySpan<byte> line) =>
        "HTTP/1."u8.StartsWith(line[..Math.Min(line.Length, 7)]) ? Http1Error.None : Http1Error.BadStartLine;

    /// <inheritdoc/>
    protected override Http1Error ParseStartLine(byte[] storage, int start, int end)
    {
        // HTTP-version SP status-code SP [ reason-phrase ]; the second space is often left out before an empty reason.
        var line = storage.AsSpan(start, end - start);
        if (line.Length < 12 || line[8] != ' ' || (line.Length > 12 && line[12] != ' '))
        {
            return Http1Error.BadStartLine;
        }

        if (line[7] is not ((byte)'0' or (byte)'1'))
        {
            return Http1Error.BadVersion;
        }

        head.MinorVersion = line[7] - '0';
        var (a, b, c) = (line[9] - '0', line[10] - '0', line[11] - '0');
        if (a is < 1 or > 9 || (uint)b > 9 || (uint)c > 9)
        {
            return Http1Error.BadStartLine;
        }

        head.Status = (a * 100) + (b * 10) + c;
        head.ReasonSlice = line.Length > 13 ? new Slice(start + 13, line.Length - 13) : new Slice(start, 0);
        return Grammar.IsText(head.Reason) ? Http1Error.None : Http1Error.BadStartLine;
    }

    /// <inheritdoc/>
    protected override Http1Error Finish()
    {
        WantsClose = head.MinorVersion == 0;
        if (head.Has(KnownHeader.Connection))
        {
            foreach (ref readonly var field in head.Fields)
            {
                if (field.Id == KnownHeader.Connection)
                {
                    ReadConnectionOptions(head.Span(field.Value));
                }
            }
        }

        return FramingRules.Declared(head, out _declared);
    }

    private void ReadConnectionOptions(ReadOnlySpan<byte> list)
    {
        while (Ascii.NextListElement(ref list, out var option))
        {
            if (Ascii.EqualsIgnoreCase(option, "close"u8))
            {
                WantsClose = true;
            }
            else if (head.MinorVersion == 0 && Ascii.EqualsIgnoreCase(option, "keep-alive"u8))
            {
                WantsClose = false;
            }
        }
    }
}

using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>What became of a field block.</summary>
internal enum FieldsVerdict : byte
{
    Good,

    /// <summary>It breaks a rule of RFC 9113 section 8: the message is malformed.</summary>
    Malformed,

    /// <summary>It is longer than may be.</summary>
    TooLarge,
}

/// <summary>Gathers fields as lines of <c>name: value</c>; what is special about requests, responses and trailers is added by those.</summary>
internal ref struct ComposedFields(Span<byte> memory, int limit)
{
    private ByteWriter _writer = new(memory);

    /// <summary>
    /// Between name and value of a field that nobody on the way may put into a table (RFC 7541 section 6.2.3): white space as good as any to HTTP/1.1 (RFC 9112 section 5),
    /// by which the field is known again where it becomes HPACK. Lines that are passed on are copied as they are.
    /// </summary>
    public static ReadOnlySpan<byte> NeverIndexed => ":\t"u8;

    /// <summary>What is wrong so far.</summary>
    public FieldsVerdict Verdict { get; private set; }

    /// <summary>What was gathered.</summary>
    public readonly ReadOnlySpan<byte> Written => _writer.Written;

    /// <summary>The message is malformed.</summary>
    public bool Refuse()
    {
        Verdict = FieldsVerdict.Malformed;
        return false;
    }

    /// <summary>There is more than may be.</summary>
    public bool Overflow()
    {
        Verdict = FieldsVerdict.TooLarge;
        return false;
    }

    /// <summary>Appends text. False where that is too much.</summary>
    public bool Append(scoped ReadOnlySpan<byte> text)
    {
        if (_writer.Length + text.Length > limit)
        {
            return Overflow();
        }

        _writer.Write(text);
        return true;
    }

    /// <summary>Judges name and value for themselves.</summary>
    public bool Judge(scoped HpackField field) =>
        ((field.IsNameChecked || FieldSyntax.IsName(field.Name)) && (field.IsChecked || FieldSyntax.IsValue(field.Value))) || Refuse();

    /// <summary>Appends a field that is no pseudo-header. False where it may not be there, or is too much.</summary>
    public bool Append(scoped HpackField field)
    {
        if (!Judge(field))
        {
            return false;
        }

        switch (field.Id)
        {
            case KnownHeader.Connection or KnownHeader.KeepAlive or KnownHeader.ProxyConnection or KnownHeader.TransferEncoding or KnownHeader.Upgrade:
                // Section 8.2.2.
                return Refuse();
            case KnownHeader.Te when !field.Value.SequenceEqual("trailers"u8):
                return Refuse();
        }

        return field.Line.IsEmpty
            ? Append(field.Name) && Append(field.IsNeverIndexed ? NeverIndexed : ": "u8) && Append(field.Value) && Append("\r\n"u8)
            : Append(field.Line);
    }
}

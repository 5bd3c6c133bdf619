namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>How the length of a body is known (RFC 9112 §6.3).</summary>
internal enum BodyKind : byte
{
    None,
    ContentLength,
    Chunked,

    /// <summary>Responses only: the body ends with the connection.</summary>
    UntilClose,
}

/// <summary>The framing of one message.</summary>
internal readonly record struct BodyFraming(BodyKind Kind, long Length)
{
    public static readonly BodyFraming None = new(BodyKind.None, 0);
    public static readonly BodyFraming Chunked = new(BodyKind.Chunked, 0);
    public static readonly BodyFraming UntilClose = new(BodyKind.UntilClose, 0);

    /// <summary>True where the message has no body byte to come.</summary>
    public bool IsEmpty => Kind == BodyKind.None || (Kind == BodyKind.ContentLength && Length == 0);
}

/// <summary>Reads the framing headers of a head, strictly.</summary>
internal static class FramingRules
{
    private const int MaxLengthDigits = 18;

    /// <summary>The framing that Transfer-Encoding and Content-Length declare; <paramref name="framing"/> is None where neither stands.</summary>
    public static Http1Error Declared(MessageHead head, out BodyFraming framing)
    {
        framing = BodyFraming.None;
        var hasLength = head.TryGet(KnownHeader.ContentLength, out var length);
        if (head.TryGet(KnownHeader.TransferEncoding, out var coding))
        {
            if (hasLength || head.MinorVersion == 0)
            {
                return Http1Error.AmbiguousFraming;
            }

            if (head.Repeated.Contains(KnownHeader.TransferEncoding) || !Ascii.EqualsIgnoreCase(coding, "chunked"u8))
            {
                return Http1Error.UnsupportedTransferEncoding;
            }

            framing = BodyFraming.Chunked;
            return Http1Error.None;
        }

        if (!hasLength)
        {
            return Http1Error.None;
        }

        if (head.Repeated.Contains(KnownHeader.ContentLength) || !TryParseLength(length, out var value))
        {
            return Http1Error.BadContentLength;
        }

        framing = new BodyFraming(BodyKind.ContentLength, value);
        return Http1Error.None;
    }

    private static bool TryParseLength(ReadOnlySpan<byte> digits, out long value)
    {
        value = 0;
        if (digits.IsEmpty || digits.Length > MaxLengthDigits)
        {
            return false;
        }

        foreach (var digit in digits)
        {
            if ((uint)(digit - '0') > 9)
            {
                return false;
            }

            value = (value * 10) + (digit - '0');
        }

        return true;
    }
}

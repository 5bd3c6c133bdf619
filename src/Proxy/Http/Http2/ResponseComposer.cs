using System.Globalization;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>
/// Makes of a response's field block the head that HTTP/1.1 would have (RFC 9113 section 8.3.2); a body without length is said to be chunked. Where an upgrade
/// was asked for by extended CONNECT, its agreement becomes 101.
/// </summary>
/// <param name="memory">Where the head goes.</param>
/// <param name="limit">Longest head.</param>
/// <param name="upgrade">The protocol that was asked for; empty for none.</param>
/// <param name="isConnect">True where the request was a CONNECT, extended or not: what follows a 2xx is a tunnel then, whatever length it declares (RFC 9110 section 9.3.6).</param>
internal ref struct ResponseComposer(Span<byte> memory, int limit, ReadOnlySpan<byte> upgrade, bool isConnect = false) : IHpackFields
{
    private const int MaxLengthDigits = 18;

    private readonly ReadOnlySpan<byte> _upgrade = upgrade;
    private ComposedFields _fields = new(memory, limit);
    private bool _isStarted;
    private bool _hasLength;

    /// <summary>The length that the head declares; -1 where it declares none.</summary>
    public long DeclaredLength { get; private set; } = -1;

    /// <summary>The status; 0 before it came.</summary>
    public int Status { get; private set; }

    /// <summary>Ends the head.</summary>
    /// <param name="hasBody">True where payload may follow.</param>
    /// <param name="head">The head; empty where it is refused.</param>
    public FieldsVerdict Finish(bool hasBody, out ReadOnlySpan<byte> head)
    {
        head = default;
        if (Status == 0)
        {
            _fields.Refuse();
        }

        if (_fields.Verdict == FieldsVerdict.Good)
        {
            var isChunked = hasBody && !_hasLength && Status >= 200 && _upgrade.IsEmpty && !IsTunnel;
            var isGood = (!isChunked || _fields.Append("transfer-encoding: chunked\r\n"u8)) && _fields.Append("\r\n"u8);
            head = isGood ? _fields.Written : default;
        }

        return _fields.Verdict;
    }

    /// <inheritdoc/>
    public bool OnField(scoped HpackField field)
    {
        if (field.Pseudo == PseudoHeader.Status && !_isStarted)
        {
            return Start(field.Value);
        }

        if (field.Pseudo != PseudoHeader.None || !_isStarted)
        {
            return _fields.Refuse();
        }

        if (field.Id == KnownHeader.ContentLength && IsTunnel)
        {
            return _fields.Judge(field);
        }

        if (field.Id == KnownHeader.ContentLength)
        {
            // One, and of digits alone: where the body ends must not be a matter of opinion.
            if (_hasLength || field.Value.Length is 0 or > MaxLengthDigits || field.Value.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
            {
                return _fields.Refuse();
            }

            _hasLength = true;
            DeclaredLength = long.Parse(field.Value, NumberStyles.None, CultureInfo.InvariantCulture);
        }

        return _fields.Append(field);
    }

    private readonly bool IsTunnel => isConnect && Status is >= 200 and < 300;

    private bool Start(scoped ReadOnlySpan<byte> status)
    {
        // RFC 9110 section 15; 101 has no meaning here (RFC 9113 section 8.6).
        _isStarted = true;
        if (status.Length != 3 || status[0] is < (byte)'1' or > (byte)'9' || status.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0 || status.SequenceEqual("101"u8))
        {
            return _fields.Refuse();
        }

        Status = ((status[0] - '0') * 100) + ((status[1] - '0') * 10) + status[2] - '0';
        if (!_upgrade.IsEmpty && Status is >= 200 and < 300)
        {
            return _fields.Append("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: "u8) && _fields.Append(_upgrade) && _fields.Append("\r\n"u8);
        }

        return Status == 200 ? _fields.Append("HTTP/1.1 200 OK\r\n"u8)
            : _fields.Append("HTTP/1.1 "u8) && _fields.Append(status) && _fields.Append(" "u8) && _fields.Append(ReasonPhrases.Of(Status)) && _fields.Append("\r\n"u8);
    }
}

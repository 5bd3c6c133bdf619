namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// A compiled header value: the format strings of access logs, used for <c>request_headers_to_add</c> and its kin. An operator without a value
/// adds nothing to it, as in Envoy. What comes out holds no control character but the tab, so that it cannot end a header line. Immutable;
/// formatting allocates nothing.
/// </summary>
public sealed class HeaderValueFormat
{
    private readonly AccessLogSegment[] _segments;

    private HeaderValueFormat(AccessLogSegment[] segments) => _segments = segments;

    /// <summary>What must be kept of an exchange for the value.</summary>
    public AccessLogNeeds Needs => TextAccessLogFormat.NeedsOf(_segments);

    /// <summary>Compiles a value; <c>%%</c> is a percent sign.</summary>
    /// <param name="text">The value as configured.</param>
    /// <exception cref="AccessLogFormatException">The text is no valid format; the message says where and what to do.</exception>
    public static HeaderValueFormat Parse(string text) => new(AccessLogFormatParser.Parse(text));

    /// <summary>The value where it is the same for every message.</summary>
    public bool TryGetConstant(out byte[] value)
    {
        value = _segments.Length == 1 ? _segments[0].Literal : [];
        return _segments is [] or [{ Operator: null }];
    }

    /// <summary>Writes the value for one message; it may be empty. False, with nothing of use written, where the room is too small.</summary>
    public bool TryFormat(IAccessLogSource source, Span<byte> destination, out int written)
    {
        var sink = new FormatSink(destination, ValueEscaping.None, int.MaxValue);
        TextAccessLogFormat.WriteSegments(_segments, omitEmptyValues: true, source, ref sink);
        written = sink.Overflowed ? 0 : sink.Written;
        if (sink.Overflowed)
        {
            return false;
        }

        // RFC 9110 §5.5: what must not stand in a field value becomes a blank.
        foreach (ref var octet in destination[..written])
        {
            if (octet is < 0x20 and not (byte)'\t' or 0x7F)
            {
                octet = (byte)' ';
            }
        }

        return true;
    }
}

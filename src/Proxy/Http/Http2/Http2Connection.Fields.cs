namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>
/// Heads that go out. They are composed as lines, as for HTTP/1.1, and become HPACK here, at the border; what HTTP/2 says otherwise (RFC 9113 section 8.2.2) is left out.
/// </content>
internal abstract partial class Http2Connection
{
    /// <summary>Fields of a connection, which do not travel by HTTP/2.</summary>
    private static readonly HeaderMask OfConnection = HeaderMask.Of(
        KnownHeader.Connection, KnownHeader.KeepAlive, KnownHeader.ProxyConnection, KnownHeader.TransferEncoding, KnownHeader.Upgrade);

    private const int LongestName = 256;

    /// <summary>Sends a response's head.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="status">Its status.</param>
    /// <param name="lines">Its fields as lines, each with its line end.</param>
    /// <param name="end">True where nothing follows.</param>
    public void SendResponse(Http2Stream stream, int status, ReadOnlySpan<byte> lines, bool end)
    {
        if (!TakesFields(stream))
        {
            return;
        }

        var writer = BeginFields(lines.Length);
        _encoder.WriteStatus(ref writer, status);
        WriteLines(ref writer, lines, OfConnection);
        SendFields(stream, writer.Written, end);
    }

    /// <summary>Sends a request's head.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="request">What the pseudo-header fields say.</param>
    /// <param name="lines">Its fields as lines, each with its line end; <c>host</c> among them is left out.</param>
    /// <param name="end">True where nothing follows.</param>
    public void SendRequest(Http2Stream stream, in RequestPseudoFields request, ReadOnlySpan<byte> lines, bool end)
    {
        if (!TakesFields(stream))
        {
            return;
        }

        var writer = BeginFields(lines.Length + request.Method.Length + request.Path.Length + request.Authority.Length);
        _encoder.WriteMethod(ref writer, request.Method);
        if (!request.Scheme.IsEmpty)
        {
            _encoder.WriteScheme(ref writer, request.Scheme);
        }

        _encoder.WriteAuthority(ref writer, request.Authority);
        if (!request.Path.IsEmpty)
        {
            _encoder.WritePath(ref writer, request.Path);
        }

        if (!request.Protocol.IsEmpty)
        {
            _encoder.Write(ref writer, ":protocol"u8, request.Protocol);
        }

        WriteLines(ref writer, lines, OfConnection.With(KnownHeader.Host));
        SendFields(stream, writer.Written, end);
    }

    /// <summary>False where the stream has ended: what is not sent must not be encoded either, for the peer's table would not follow it (RFC 9113 section 4.3).</summary>
    private static bool TakesFields(Http2Stream stream) => stream.ResetCode is null && !stream.IsEnding;

    private void SendFields(Http2Stream stream, ReadOnlySpan<byte> block, bool end)
    {
        WriteFields(stream.Id, block, end);
        if (end)
        {
            stream.EndWithFields();
        }
    }

    private ReadOnlySpan<byte> EncodeLines(ReadOnlySpan<byte> lines)
    {
        var writer = BeginFields(lines.Length);
        WriteLines(ref writer, lines, OfConnection);
        return writer.Written;
    }

    private ByteWriter BeginFields(int length)
    {
        // Of a line, the colon, the space and the line end make up for part of what HPACK needs beyond name and value.
        const int Room = 256;
        var worstCase = Room + (length * 4);
        var writer = new ByteWriter(worstCase <= Worker.FrameScratch.Length ? Worker.FrameScratch : new byte[worstCase]);
        _encoder.Begin(ref writer);
        return writer;
    }

    private void WriteLines(ref ByteWriter writer, ReadOnlySpan<byte> lines, HeaderMask skip)
    {
        Span<byte> lowerCase = stackalloc byte[LongestName];
        while (!lines.IsEmpty)
        {
            var length = lines.IndexOf("\r\n"u8);
            var line = length < 0 ? lines : lines[..length];
            lines = length < 0 ? default : lines[(length + 2)..];
            var colon = line.IndexOf((byte)':');
            if (colon <= 0)
            {
                continue;
            }

            scoped var name = line[..colon];
            if (name.IndexOfAnyInRange((byte)'A', (byte)'Z') >= 0 && name.Length <= LongestName)
            {
                System.Text.Ascii.ToLower(name, lowerCase, out var written);
                name = lowerCase[..written];
            }

            // Only names of these lengths can be among those that are left out.
            if (name.Length is not (4 or 7 or 10 or 16 or 17) || !skip.Contains(KnownHeaders.Identify(name)))
            {
                var value = line[(colon + 1)..];
                _encoder.Write(ref writer, name, value.Trim(" \t"u8), isNeverIndexed: !value.IsEmpty && value[0] == ComposedFields.NeverIndexed[1]);
            }
        }
    }
}

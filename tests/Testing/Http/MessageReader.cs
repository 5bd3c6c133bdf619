using System.Globalization;

namespace KubeProxyNet.Testing.Http;

/// <summary>The parts of HTTP/1.1 message syntax that requests and responses share (RFC 9112, sections 5 to 7), read strictly.</summary>
internal static class MessageReader
{
    private const string TokenSymbols = "!#$%&'*+-.^_`|~";

    /// <summary>Field lines up to and with the empty line.</summary>
    public static async ValueTask<RawHeaders> ReadFieldsAsync(WireReader wire, CancellationToken cancel)
    {
        var fields = new List<RawHeader>();
        while (true)
        {
            var line = await wire.ReadLineAsync(cancel);
            if (line.Length == 0)
            {
                return new RawHeaders(fields);
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || !line.AsSpan(0, colon).ToString().All(IsTokenCharacter))
            {
                throw wire.Fault(FramingFault.Malformed, $"not a field line: '{line}'");
            }

            var value = line[(colon + 1)..].Trim(' ', '\t');
            if (value.Any(c => c is '\0' || (c < ' ' && c != '\t') || c == 127))
            {
                throw wire.Fault(FramingFault.Malformed, $"a control character in field '{line[..colon]}'");
            }

            fields.Add(new RawHeader(line[..colon], value));
        }
    }

    /// <summary>The declared length; null where none is declared. Both kinds of framing at once, or two lengths, are malformed.</summary>
    public static (BodyFraming Framing, long Length) DeclaredFraming(WireReader wire, RawHeaders headers)
    {
        var lengths = headers.All("content-length");
        var codings = headers.All("transfer-encoding");
        if (codings.Count > 0)
        {
            return (lengths.Count, codings.Count, codings[0].ToUpperInvariant()) switch
            {
                (0, 1, "CHUNKED") => (BodyFraming.Chunked, 0),
                ( > 0, _, _) => throw wire.Fault(FramingFault.Malformed, "both content-length and transfer-encoding"),
                _ => throw wire.Fault(FramingFault.Malformed, $"transfer-encoding '{string.Join(", ", codings)}'"),
            };
        }

        return lengths.Count switch
        {
            0 => (BodyFraming.None, 0),
            1 when long.TryParse(lengths[0], NumberStyles.None, CultureInfo.InvariantCulture, out var n) => (BodyFraming.ContentLength, n),
            _ => throw wire.Fault(FramingFault.Malformed, $"content-length '{string.Join(", ", lengths)}'"),
        };
    }

    /// <summary>A body to its end; what came before a fault stays in <paramref name="body"/>. Returns the trailers.</summary>
    public static async ValueTask<RawHeaders> ReadBodyAsync(
        WireReader wire, BodyFraming framing, long length, MemoryStream body, CancellationToken cancel)
    {
        switch (framing)
        {
            case BodyFraming.ContentLength:
                await wire.ReadExactlyAsync(length, body, cancel);
                return RawHeaders.Empty;
            case BodyFraming.Chunked:
                while (await ReadChunkAsync(wire, body, cancel))
                {
                }

                return await ReadFieldsAsync(wire, cancel);
            case BodyFraming.UntilClose:
                await wire.ReadToEndAsync(body, cancel);
                return RawHeaders.Empty;
            default:
                return RawHeaders.Empty;
        }
    }

    /// <summary>False at the last chunk (RFC 9112, section 7.1).</summary>
    private static async ValueTask<bool> ReadChunkAsync(WireReader wire, MemoryStream body, CancellationToken cancel)
    {
        var line = await wire.ReadLineAsync(cancel);
        var size = line.Split(';')[0];
        if (size.Length is 0 or > 15 || !long.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var length))
        {
            throw wire.Fault(FramingFault.Malformed, $"chunk size '{line}'");
        }

        if (length == 0)
        {
            return false;
        }

        await wire.ReadExactlyAsync(length, body, cancel);
        return (await wire.ReadLineAsync(cancel)).Length == 0
            ? true
            : throw wire.Fault(FramingFault.Malformed, "a chunk longer than its size");
    }

    private static bool IsTokenCharacter(char c) => char.IsAsciiLetterOrDigit(c) || TokenSymbols.Contains(c, StringComparison.Ordinal);
}

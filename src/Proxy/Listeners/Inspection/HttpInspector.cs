using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Listeners.Inspection;

/// <summary>Finds out which version of HTTP a client speaks (Envoy documentation, "HTTP Inspector"), by its request line or the preface of HTTP/2.</summary>
internal static class HttpInspector
{
    /// <summary>Longest request line that is looked at, in bytes: Envoy's.</summary>
    public const int MaxBytes = 64 * 1024;

    private const int MaxMethod = 64;

    private static readonly byte[] Http10 = [8, .. "http/1.0"u8];
    private static readonly byte[] Http11 = [8, .. "http/1.1"u8];
    private static readonly byte[] Http2 = [3, .. "h2c"u8];

    // RFC 9113 §3.4.
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Looks at everything that has arrived.</summary>
    public static InspectionVerdict Look(ReadOnlySpan<byte> bytes, InspectedConnection inspected, InspectionStats stats, StatPage page)
    {
        var common = Math.Min(bytes.Length, Preface.Length);
        if (bytes[..common].SequenceEqual(Preface[..common]))
        {
            return common < Preface.Length ? InspectionVerdict.NeedMore : Found(Http2, stats.Http2Found, inspected, page);
        }

        // RFC 9112 §2.2: empty lines before a request are passed over.
        var line = bytes.TrimStart("\r\n"u8);
        var end = line.IndexOf((byte)'\n');
        if (end < 0 && bytes.Length < MaxBytes && MayBecomeRequest(line))
        {
            return InspectionVerdict.NeedMore;
        }

        line = end < 0 ? default : line[..end].TrimEnd((byte)'\r');
        if (MayBecomeRequest(line) && line.EndsWith(" HTTP/1.1"u8))
        {
            return Found(Http11, stats.Http11Found, inspected, page);
        }

        if (MayBecomeRequest(line) && line.EndsWith(" HTTP/1.0"u8))
        {
            return Found(Http10, stats.Http10Found, inspected, page);
        }

        page.Increment(stats.HttpNotFound);
        return InspectionVerdict.Continue;
    }

    private static InspectionVerdict Found(byte[] protocol, Counter counter, InspectedConnection inspected, StatPage page)
    {
        inspected.ApplicationProtocols = protocol;
        page.Increment(counter);
        return InspectionVerdict.Continue;
    }

    /// <summary>A method is letters and a few other characters (RFC 9110 §5.6.2), and a line has no control characters.</summary>
    private static bool MayBecomeRequest(ReadOnlySpan<byte> line)
    {
        var space = line.IndexOf((byte)' ');
        var method = space < 0 ? line.TrimEnd((byte)'\r') : line[..space];
        foreach (var letter in method)
        {
            if (!(char.IsAsciiLetterOrDigit((char)letter) || "!#$%&'*+-.^_`|~"u8.Contains(letter)))
            {
                return false;
            }
        }

        return space != 0 && method.Length <= MaxMethod && !line.TrimEnd((byte)'\r').ContainsAnyInRange((byte)0, (byte)31);
    }
}

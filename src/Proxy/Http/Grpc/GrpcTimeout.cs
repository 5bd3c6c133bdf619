using System.Buffers.Text;

namespace KubeProxyNet.Proxy.Http.Grpc;

/// <summary>The header <c>grpc-timeout</c>: at most eight digits and a unit (gRPC, PROTOCOL-HTTP2, "Requests").</summary>
internal static class GrpcTimeout
{
    /// <summary>Longest line that <see cref="Write"/> writes.</summary>
    public const int MaxLineLength = 25;

    private const long MaxValue = 99_999_999;
    private const long MillisecondsPerHour = 3_600_000;

    /// <summary>The time that a call may take, in milliseconds, begun ones in full; false where the request says nothing that can be read.</summary>
    public static bool TryGet(RequestHead request, out long milliseconds)
    {
        milliseconds = 0;
        return request.TryGet(KnownHeader.GrpcTimeout, out var text) && TryParse(text, out milliseconds);
    }

    /// <summary>Reads the header's value.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long milliseconds)
    {
        milliseconds = 0;
        if (text.Length < 2 || !Utf8Parser.TryParse(text[..^1], out long value, out var used) || used != text.Length - 1 || value is < 0 or > MaxValue)
        {
            return false;
        }

        switch (text[^1])
        {
            case (byte)'H':
                milliseconds = value * MillisecondsPerHour;
                return true;
            case (byte)'M':
                milliseconds = value * 60_000;
                return true;
            case (byte)'S':
                milliseconds = value * 1000;
                return true;
            case (byte)'m':
                milliseconds = value;
                return true;
            case (byte)'u':
                milliseconds = (value + 999) / 1000;
                return true;
            case (byte)'n':
                milliseconds = (value + 999_999) / 1_000_000;
                return true;
            default:
                return false;
        }
    }

    /// <summary>Writes the header's line, in the smallest unit that eight digits suffice for.</summary>
    public static void Write(ref ByteWriter writer, long milliseconds)
    {
        var value = milliseconds;
        var units = "mSMH"u8;
        if (value > MaxValue)
        {
            value /= 1000;
            units = units[1..];
        }

        while (value > MaxValue && units.Length > 1)
        {
            value /= 60;
            units = units[1..];
        }

        writer.Write("grpc-timeout: "u8);
        writer.WriteNumber(Math.Min(value, MaxValue));
        writer.Write(units[..1]);
        writer.Write("\r\n"u8);
    }
}

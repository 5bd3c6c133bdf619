using System.Buffers;
using System.Runtime.Intrinsics;

namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>The character classes of HTTP that both parsers and the body decoder judge by, so that none of them can differ.</summary>
internal static class Grammar
{
    /// <summary>tchar (RFC 9110 §5.6.2): what methods and field names consist of.</summary>
    public static readonly SearchValues<byte> TokenBytes = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> ForbiddenInText = SearchValues.Create(ControlBytes());

    // reg-name and IP-literal of RFC 3986 §3.2.2 and the colon of a port; "@" is not among them: http has no userinfo (RFC 9110 §4.2.4).
    private static readonly SearchValues<byte> AuthorityBytes = SearchValues.Create(
        "!$%&'()*+,-.0123456789:;=ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~"u8);

    /// <summary>True where a text holds no control character but HTAB (RFC 9110 §5.5); obs-text is allowed.</summary>
    public static bool IsText(ReadOnlySpan<byte> bytes) => bytes.IndexOfAny(ForbiddenInText) < 0;

    /// <inheritdoc cref="IsText(ReadOnlySpan{byte})"/>
    public static bool IsText(byte b) => b is >= 0x20 and not 0x7F or (byte)'\t';

    /// <summary>True where a request target has only bytes that may stand in one: visible ones, of which '#' is none, since a fragment never travels in a request (RFC 9112 §3.2).</summary>
    /// <param name="storage">What it stands in.</param>
    /// <param name="target">Where.</param>
    /// <param name="question">Offset of the first '?' in it; -1 where there is none.</param>
    public static bool IsTarget(byte[] storage, Slice target, out int question)
    {
        question = -1;
        var done = 0;
        while (done < target.Length && Wide.HasStep(storage, target.Offset + done))
        {
            var bytes = Wide.At(storage, target.Offset + done);
            var bits = Wide.First(Math.Min(Wide.Step, target.Length - done));
            var good = Vector256.AndNot(Wide.IsIn(bytes, (byte)'!', (byte)'~'), Wide.Is(bytes, (byte)'#'));
            if ((~good.ExtractMostSignificantBits() & bits) != 0)
            {
                return false;
            }

            if (question < 0 && (Wide.Is(bytes, (byte)'?').ExtractMostSignificantBits() & bits) is not 0 and var marks)
            {
                question = done + Wide.Before(marks);
            }

            done += Wide.Step;
        }

        if (done >= target.Length)
        {
            return true;
        }

        var rest = storage.AsSpan(target.Offset + done, target.Length - done);
        question = question < 0 && rest.IndexOf((byte)'?') is >= 0 and var mark ? done + mark : question;
        return rest.IndexOfAnyExceptInRange((byte)'!', (byte)'~') < 0 && !rest.Contains((byte)'#');
    }

    /// <inheritdoc cref="IsAuthority(ReadOnlySpan{byte})"/>
    /// <param name="storage">What it stands in.</param>
    /// <param name="authority">Where.</param>
    public static bool IsAuthority(byte[] storage, Slice authority)
    {
        // Nearly all are names or addresses of letters, digits, dots and dashes, and a port.
        if (authority.Length is > 0 and <= Wide.Step && Wide.HasStep(storage, authority.Offset))
        {
            var bytes = Wide.At(storage, authority.Offset);
            var bits = Wide.First(authority.Length);
            var digits = Wide.IsIn(bytes, (byte)'0', (byte)'9');
            var names = digits | Wide.IsLetter(bytes, out _) | Wide.IsIn(bytes, (byte)'-', (byte)'.');
            var host = Wide.Before(~names.ExtractMostSignificantBits() | ~bits);
            if (host == authority.Length || (host > 0 && storage[authority.Offset + host] == ':' && (~digits.ExtractMostSignificantBits() & bits & ~Wide.First(host + 1)) == 0))
            {
                return true;
            }
        }

        return IsAuthority(storage.AsSpan(authority.Offset, authority.Length));
    }

    /// <summary>True for <c>uri-host [ ":" port ]</c> with a host (RFC 9110 §7.2): brackets only around an address, at most one port, decimal.</summary>
    public static bool IsAuthority(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes.IndexOfAnyExcept(AuthorityBytes) >= 0)
        {
            return false;
        }

        var host = bytes[0] == '[' ? LiteralLength(bytes) : bytes.IndexOfAny(":[]"u8);
        if (host < 0)
        {
            return true;
        }

        if (host == 0)
        {
            return false;
        }

        var port = bytes[host..];
        return port.IsEmpty || (port[0] == ':' && port[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0);
    }

    /// <summary>Length of an address with its brackets; 0 where there is none, or another bracket in it.</summary>
    private static int LiteralLength(ReadOnlySpan<byte> bytes)
    {
        var end = bytes[1..].IndexOfAny((byte)'[', (byte)']') + 1;
        return end > 1 && bytes[end] == ']' ? end + 1 : 0;
    }

    private static byte[] ControlBytes()
    {
        var bytes = new List<byte> { 0x7F };
        for (byte b = 0; b < 0x20; b++)
        {
            if (b != '\t')
            {
                bytes.Add(b);
            }
        }

        return [.. bytes];
    }
}

using System.Buffers;
using System.Buffers.Text;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Hashing;
using KubeProxyNet.Proxy.Runtime.HttpFilters;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>
/// The value that stands for an endpoint in a client's cookie or header, as Envoy writes it: the address in base64; in a cookie inside a protobuf message of
/// address (1) and the Unix time in seconds of its end (2), which one without lifetime leaves out.
/// </summary>
internal static class SessionCodec
{
    private const byte AddressTag = (1 << 3) | 2;
    private const byte ExpiresTag = (2 << 3) | 0;
    private const int MaxVarint = 10;

    // No name and no value that was given here is longer.
    private const int MaxName = 256;
    private const int MaxValue = 256;

    /// <summary>Reads the address that a request names, without allocation. False where it names none, or one whose time is over.</summary>
    public static bool TryRead(SessionState state, RequestHead head, long nowSeconds, IBufferWriter<byte> address)
    {
        var isCookie = state is CookieSessionState;
        var name = state is CookieSessionState cookie ? cookie.Name : ((HeaderSessionState)state).Name;
        Span<byte> nameText = stackalloc byte[MaxName];
        Span<byte> decoded = stackalloc byte[MaxValue];
        var length = 0;
        if ((isCookie ? System.Text.Ascii.FromUtf16(name, nameText, out length) : System.Text.Ascii.ToLower(name, nameText, out length)) != OperationStatus.Done)
        {
            return false;
        }

        if (!(isCookie ? RequestCookies.TryFind(head, nameText[..length], out var value) : head.TryGet(nameText[..length], out value))
            || Base64.DecodeFromUtf8(value, decoded, out _, out length) != OperationStatus.Done)
        {
            return false;
        }

        ReadOnlySpan<byte> text = decoded[..length];
        if (isCookie && !TryOpen(ref text, nowSeconds))
        {
            return false;
        }

        address.Write(text);
        return !text.IsEmpty;
    }

    /// <summary>Writes the header line that tells the client of its endpoint.</summary>
    public static void WriteLine(SessionState state, ReadOnlySpan<byte> address, long nowSeconds, IBufferWriter<byte> output)
    {
        if (state is not CookieSessionState cookie)
        {
            Encoding.UTF8.GetBytes(((HeaderSessionState)state).Name.ToLowerInvariant(), output);
            output.Write(": "u8);
            WriteBase64(address, output);
            output.Write("\r\n"u8);
            return;
        }

        Encoding.UTF8.GetBytes($"set-cookie: {cookie.Name}=\"", output);
        var message = new ArrayBufferWriter<byte>(address.Length + (2 * MaxVarint) + 2);
        message.Write([AddressTag]);
        WriteVarint((ulong)address.Length, message);
        message.Write(address);
        if (cookie.Ttl >= TimeSpan.FromSeconds(1))
        {
            message.Write([ExpiresTag]);
            WriteVarint((ulong)(nowSeconds + (long)cookie.Ttl.TotalSeconds), message);
        }

        WriteBase64(message.WrittenSpan, output);
        Encoding.UTF8.GetBytes(CookieHash.AttributesOf(new CookieHashPolicy(cookie.Name) { Ttl = cookie.Ttl, Path = cookie.Path, Attributes = cookie.Attributes }), output);
        output.Write("\r\n"u8);
    }

    /// <summary>Takes the address out of the message. What is no such message is the address itself, as older releases of Envoy wrote it.</summary>
    private static bool TryOpen(ref ReadOnlySpan<byte> text, long nowSeconds)
    {
        ReadOnlySpan<byte> rest = text, address = default;
        var expires = 0UL;
        while (!rest.IsEmpty)
        {
            var tag = rest[0];
            rest = rest[1..];
            if (tag is not (AddressTag or ExpiresTag) || !TryReadVarint(ref rest, out var number) || (tag == AddressTag && number > (ulong)rest.Length))
            {
                return true;
            }

            if (tag == AddressTag)
            {
                address = rest[..(int)number];
                rest = rest[(int)number..];
            }
            else
            {
                expires = number;
            }
        }

        text = address;
        return expires == 0 || (ulong)nowSeconds <= expires;
    }

    private static void WriteBase64(ReadOnlySpan<byte> value, IBufferWriter<byte> output)
    {
        Base64.EncodeToUtf8(value, output.GetSpan(Base64.GetMaxEncodedToUtf8Length(value.Length)), out _, out var written);
        output.Advance(written);
    }

    private static void WriteVarint(ulong value, IBufferWriter<byte> output)
    {
        for (; value >= 0x80; value >>= 7)
        {
            output.Write([(byte)(value | 0x80)]);
        }

        output.Write([(byte)value]);
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> from, out ulong value)
    {
        value = 0;
        for (var i = 0; i < Math.Min(MaxVarint, from.Length); i++)
        {
            value |= (ulong)(from[i] & 0x7F) << (7 * i);
            if (from[i] < 0x80)
            {
                from = from[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}

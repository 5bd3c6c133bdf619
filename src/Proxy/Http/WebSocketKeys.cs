using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace KubeProxyNet.Proxy.Http;

/// <summary>
/// The proof of HTTP/1.1 that a server understands WebSocket (RFC 6455 section 4.2.2). Extended CONNECT has none (RFC 8441 section 5), so that it is made up where one
/// version meets the other.
/// </summary>
internal static class WebSocketKeys
{
    private const int Length = 24;
    private const int AcceptLength = 28;
    private const int RawLength = 16;

    private static ReadOnlySpan<byte> Guid => "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;

    /// <summary>A key of random bytes.</summary>
    public static byte[] Create(ulong first, ulong second)
    {
        Span<byte> raw = stackalloc byte[RawLength];
        BitConverter.TryWriteBytes(raw, first);
        BitConverter.TryWriteBytes(raw[sizeof(ulong)..], second);
        var text = new byte[Length];
        Base64.EncodeToUtf8(raw, text, out _, out _);
        return text;
    }

    /// <summary>What a server answers a key with.</summary>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "RFC 6455 asks for SHA-1; nothing is kept secret by it.")]
    public static byte[] AcceptOf(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
        SHA1.HashData((byte[])[.. key, .. Guid], hash);
        var accept = new byte[AcceptLength];
        Base64.EncodeToUtf8(hash, accept, out _, out _);
        return accept;
    }
}

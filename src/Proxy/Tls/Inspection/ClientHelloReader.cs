using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Tls.Inspection;

/// <summary>
/// Reads the ClientHello at the front of a connection (RFC 8446 §4.1.2, §5.1). Keeps nothing between calls: while the message is incomplete a call
/// costs a look at the heads of its records, whatever pieces it arrives in. Allocates nothing.
/// </summary>
internal static class ClientHelloReader
{
    private const int RecordHead = 5;
    private const int MessageHead = 4;
    private const int MaxRecord = 16 * 1024;
    private const byte HandshakeRecord = 22;
    private const byte ClientHelloMessage = 1;

    /// <summary>Reads what is there.</summary>
    /// <param name="bytes">Everything from the first byte of the connection on. A message in several records is put together in place, and its server name put into lower case.</param>
    /// <param name="limit">Most bytes that the message may take with the heads of its records.</param>
    /// <param name="hello">The message where it was found.</param>
    public static ClientHelloStatus Read(Span<byte> bytes, int limit, out ClientHello hello)
    {
        hello = default;
        var message = 0;
        var need = -1;
        for (var at = 0; ;)
        {
            var status = CheckHead(bytes[at..], isFirst: at == 0, out var length);
            if (status != ClientHelloStatus.Found)
            {
                return status == ClientHelloStatus.NeedMore && Exceeds(at, need - message, limit) ? ClientHelloStatus.TooLarge : status;
            }

            at += RecordHead;
            var here = Math.Min(length, bytes.Length - at);

            // Behind what came in the records before.
            bytes.Slice(at, here).CopyTo(bytes[message..]);
            message += here;
            at += here;
            if (need < 0 && message >= MessageHead)
            {
                if (bytes[0] != ClientHelloMessage)
                {
                    return ClientHelloStatus.Malformed;
                }

                need = MessageHead + ((bytes[1] << 16) | BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]));
            }

            if (need >= 0 && message >= need)
            {
                return at > limit ? ClientHelloStatus.TooLarge : Parse(bytes[MessageHead..need], at, out hello);
            }

            if (Exceeds(at, need - message, limit))
            {
                return ClientHelloStatus.TooLarge;
            }

            if (here < length)
            {
                return ClientHelloStatus.NeedMore;
            }
        }
    }

    /// <summary>Whether the message cannot end within the limit.</summary>
    private static bool Exceeds(int at, int missing, int limit) => at + Math.Max(missing, 1) > limit;

    private static ClientHelloStatus CheckHead(ReadOnlySpan<byte> head, bool isFirst, out int length)
    {
        length = 0;
        var wrong = isFirst ? ClientHelloStatus.NotTls : ClientHelloStatus.Malformed;
        if (head.Length > 0 && head[0] != HandshakeRecord)
        {
            return wrong;
        }

        // The minor version of the first record says nothing (RFC 8446 §5.1).
        if (head.Length > 1 && head[1] != 3)
        {
            return wrong;
        }

        if (head.Length < RecordHead)
        {
            return ClientHelloStatus.NeedMore;
        }

        length = BinaryPrimitives.ReadUInt16BigEndian(head[3..]);
        return length is > 0 and <= MaxRecord ? ClientHelloStatus.Found : wrong;
    }

    private static ClientHelloStatus Parse(Span<byte> body, int length, out ClientHello hello)
    {
        hello = default;
        var reader = new VectorReader(body);
        if (!reader.TryTake(2, out var version) || !reader.TryTake(32, out _) || !reader.TryTakeVector(1, out var session) || session.Length > 32
            || !reader.TryTakeVector(2, out var suites) || suites.IsEmpty || suites.Length % 2 != 0
            || !reader.TryTakeVector(1, out var compressions) || compressions.IsEmpty)
        {
            return ClientHelloStatus.Malformed;
        }

        Span<byte> extensions = default;
        if (!reader.IsEmpty && (!reader.TryTakeVector(2, out extensions) || !reader.IsEmpty))
        {
            return ClientHelloStatus.Malformed;
        }

        return ClientHelloExtensions.TryRead(extensions, out var found)
            ? Found(found, BinaryPrimitives.ReadUInt16BigEndian(version), length, out hello)
            : ClientHelloStatus.Malformed;
    }

    private static ClientHelloStatus Found(ClientHelloExtensions found, ushort version, int length, out ClientHello hello)
    {
        hello = new ClientHello
        {
            ServerName = found.ServerName,
            ApplicationProtocols = found.ApplicationProtocols,
            SupportedVersions = found.SupportedVersions,
            LegacyVersion = version,
            Length = length,
        };
        return ClientHelloStatus.Found;
    }
}

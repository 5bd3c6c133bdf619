using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>Writes the chunked transfer coding (RFC 9112 §7.1).</summary>
internal static class ChunkWriter
{
    /// <summary>Most bytes that framing adds to one piece of payload.</summary>
    public const int MaxOverhead = 32;

    /// <summary>Appends payload as one chunk, and the last chunk where <paramref name="end"/> is true.</summary>
    public static void Write(ref ByteWriter writer, ReadOnlySpan<byte> payload, bool end)
    {
        if (!payload.IsEmpty)
        {
            writer.WriteHex((uint)payload.Length);
            writer.Write("\r\n"u8);
            writer.Write(payload);
            writer.Write("\r\n"u8);
        }

        if (end)
        {
            writer.Write("0\r\n\r\n"u8);
        }
    }

    /// <summary>Sends the last chunk with fields behind it.</summary>
    /// <param name="connection">Where to.</param>
    /// <param name="lines">The fields, each with its line end.</param>
    public static bool SendTrailers(Connection connection, ReadOnlySpan<byte> lines) => connection.Send("0\r\n"u8, lines) && connection.Send("\r\n"u8);

    /// <summary>Sends payload as one chunk; up to <paramref name="copyLimit"/> bytes are copied to leave in one system call with their framing.</summary>
    public static bool Send(Connection connection, ReadOnlySpan<byte> payload, bool end, int copyLimit)
    {
        var writer = new ByteWriter(connection.Worker.Scratch);
        if (payload.Length <= copyLimit)
        {
            Write(ref writer, payload, end);
            return writer.Length == 0 || connection.Send(writer.Written);
        }

        writer.WriteHex((uint)payload.Length);
        writer.Write("\r\n"u8);
        return connection.Send(writer.Written, payload) && connection.Send(end ? "\r\n0\r\n\r\n"u8 : "\r\n"u8);
    }
}

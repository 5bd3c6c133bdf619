using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>Sends a head with what is there of its body, in as few pieces as copying is worth.</summary>
internal static class MessageSender
{
    /// <summary>Body bytes that are copied behind the head to leave in one piece; whoever composes a head leaves room for them and their framing.</summary>
    public const int CopyLimit = 16 * 1024;

    /// <summary>Sends a head, and body bytes in their framing.</summary>
    /// <param name="connection">Where to.</param>
    /// <param name="head">The head, with room behind it.</param>
    /// <param name="framing">How the body is framed.</param>
    /// <param name="body">What is there of it.</param>
    /// <param name="end">True where that is all.</param>
    public static void Send(Connection connection, ref ByteWriter head, BodyFraming framing, ReadOnlySpan<byte> body, bool end)
    {
        if (framing.Kind == BodyKind.Chunked && body.Length <= CopyLimit)
        {
            ChunkWriter.Write(ref head, body, end);
            connection.Send(head.Written);
        }
        else if (framing.Kind == BodyKind.Chunked)
        {
            connection.Send(head.Written);
            ChunkWriter.Send(connection, body, end, 2 * CopyLimit);
        }
        else if (body.Length <= CopyLimit)
        {
            head.Write(body);
            connection.Send(head.Written);
        }
        else
        {
            connection.Send(head.Written, body);
        }
    }
}

using System.Buffers;

namespace KubeProxyNet.Proxy.Http.Grpc;

/// <summary>The value of <c>grpc-message</c>: text with everything but printable ASCII percent-encoded (gRPC, PROTOCOL-HTTP2, "Responses").</summary>
internal static class GrpcMessage
{
    /// <summary>Writes the text encoded. As in Envoy, a tilde is encoded too.</summary>
    public static void Encode(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        var room = output.GetSpan(text.Length * 3);
        var length = 0;
        foreach (var character in text)
        {
            if (character is >= (byte)' ' and < (byte)'~' and not (byte)'%')
            {
                room[length++] = character;
                continue;
            }

            room[length++] = (byte)'%';
            room[length++] = "0123456789ABCDEF"u8[character >> 4];
            room[length++] = "0123456789ABCDEF"u8[character & 15];
        }

        output.Advance(length);
    }
}

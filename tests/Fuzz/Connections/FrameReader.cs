using System.Buffers.Binary;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>Reads what the proxy sent by HTTP/2, slowly, and finds fault with frames that no server may send.</summary>
internal static class FrameReader
{
    private const int HeaderSize = 9;
    private const int MaxFrame = 16_384;

    /// <summary>What is wrong with it; null where nothing is. What is cut at the end is not looked at.</summary>
    public static string? FaultOf(ReadOnlySpan<byte> bytes)
    {
        var ended = new HashSet<int>();
        var open = 0;
        for (var isFirst = true; bytes.Length >= HeaderSize; isFirst = false)
        {
            var first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
            var (length, type, flags) = ((int)(first >> 8), (int)(first & 0xff), bytes[4]);
            var id = BinaryPrimitives.ReadInt32BigEndian(bytes[5..]);
            if (FaultOf(isFirst, length, type, flags, id, open) is { } fault)
            {
                return fault;
            }

            if (type is 0 or 1 or 9 && ended.Contains(id) && open == 0)
            {
                return $"type {type} behind the end of stream {id}";
            }

            open = type is 1 or 9 && (flags & 4) == 0 ? id : 0;
            if (type == 3 || (type is 0 or 1 && (flags & 1) != 0))
            {
                ended.Add(id);
            }

            if (bytes.Length < HeaderSize + length)
            {
                return null;
            }

            bytes = bytes[(HeaderSize + length)..];
        }

        return null;
    }

    private static string? FaultOf(bool isFirst, int length, int type, byte flags, int id, int open) =>
        isFirst && (type != 4 || (flags & 1) != 0) ? "the first frame is not SETTINGS"
        : length > MaxFrame ? $"a frame of {length} bytes"
        : type is not (0 or 1 or 3 or 4 or 6 or 7 or 8 or 9) ? $"a frame of type {type}"
        : open != 0 && (type != 9 || id != open) ? "a frame inside a field block"
        : open == 0 && type == 9 ? "CONTINUATION of nothing"
        : type is 0 or 1 or 3 && (id & 1) == 0 ? $"type {type} on stream {id}"
        : type is 4 or 6 or 7 && id != 0 ? $"type {type} on stream {id}"
        : null;
}

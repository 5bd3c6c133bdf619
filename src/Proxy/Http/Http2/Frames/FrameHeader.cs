using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Http.Http2.Frames;

/// <summary>Kinds of frames (RFC 9113 section 6, RFC 9218 section 7.1). Others are ignored.</summary>
internal enum FrameType : byte
{
    Data = 0x0,
    Headers = 0x1,
    Priority = 0x2,
    RstStream = 0x3,
    Settings = 0x4,
    PushPromise = 0x5,
    Ping = 0x6,
    GoAway = 0x7,
    WindowUpdate = 0x8,
    Continuation = 0x9,
    PriorityUpdate = 0x10,
}

/// <summary>Flags of frames; what a bit means depends on the kind.</summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0,

    /// <summary>Of DATA and HEADERS: the last frame of its direction.</summary>
    EndStream = 0x1,

    /// <summary>Of HEADERS and CONTINUATION: the field block is whole.</summary>
    EndHeaders = 0x4,

    /// <summary>Of DATA and HEADERS: padding follows, with its length in front.</summary>
    Padded = 0x8,

    /// <summary>Of HEADERS: the five octets of PRIORITY stand in front, which nobody acts on.</summary>
    Priority = 0x20,
}

/// <summary>The nine octets in front of every frame (RFC 9113 section 4.1).</summary>
/// <param name="Length">Octets that follow.</param>
/// <param name="Type">Kind of frame.</param>
/// <param name="Flags">Its flags.</param>
/// <param name="StreamId">Which stream it is of; 0 for the connection.</param>
internal readonly record struct FrameHeader(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    /// <summary>Of SETTINGS and PING, the same bit as <see cref="FrameFlags.EndStream"/>: an answer.</summary>
    public const FrameFlags Ack = FrameFlags.EndStream;

    /// <summary>Octets of a header.</summary>
    public const int Size = 9;

    /// <summary>Longest frame that is accepted: the smallest limit there may be, and what is announced where nothing is.</summary>
    public const int MaxLength = 16 * 1024;

    /// <summary>Largest identifier of a stream; the bit above it means nothing.</summary>
    public const int MaxStreamId = int.MaxValue;

    /// <summary>Reads a header from the first <see cref="Size"/> octets.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> bytes)
    {
        var first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        return new FrameHeader(
            (int)(first >> 8), (FrameType)(byte)first, (FrameFlags)bytes[4], (int)(BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]) & MaxStreamId));
    }

    /// <summary>Writes a header into the first <see cref="Size"/> octets.</summary>
    public static void Write(Span<byte> bytes, int length, FrameType type, FrameFlags flags, int streamId)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, ((uint)length << 8) | (byte)type);
        bytes[4] = (byte)flags;
        BinaryPrimitives.WriteUInt32BigEndian(bytes[5..], (uint)streamId);
    }

    /// <summary>True where a flag is set.</summary>
    public bool Has(FrameFlags flag) => (Flags & flag) == flag;
}

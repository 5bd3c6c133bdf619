using System.Buffers.Binary;
using System.Text;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2;

/// <summary>A frame (RFC 9113 section 4.1), to be sent as it is, right or wrong, or as it came.</summary>
/// <param name="Payload">Everything behind the nine bytes of its head, padding too. Of a header block that came in several frames: the whole block.</param>
public sealed record Http2Frame(Http2FrameType Type, Http2Flags Flags, int StreamId, byte[] Payload)
{
    public const int HeadSize = 9;

    /// <summary>The fields of a HEADERS or PUSH_PROMISE frame that came, with those of its CONTINUATION frames; empty for any other.</summary>
    public RawHeaders Fields { get; init; } = RawHeaders.Empty;

    /// <summary>Names of those that nobody may put into a table (RFC 7541 section 6.2.3).</summary>
    public IReadOnlyList<string> NeverIndexed { get; init; } = [];

    /// <summary>CONTINUATION frames that belonged to it.</summary>
    public int Continuations { get; init; }

    public bool EndsStream => Flags.HasFlag(Http2Flags.EndStream) && Type is Http2FrameType.Data or Http2FrameType.Headers;

    public bool IsAck => Flags.HasFlag(Http2Flags.Ack) && Type is Http2FrameType.Settings or Http2FrameType.Ping;

    /// <summary>The bytes of DATA, without padding.</summary>
    public ReadOnlyMemory<byte> Data => Flags.HasFlag(Http2Flags.Padded) ? Payload.AsMemory(1, Payload.Length - 1 - Payload[0]) : Payload;

    /// <summary>What RST_STREAM and GOAWAY say.</summary>
    public Http2ErrorCode Error => (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(Type == Http2FrameType.GoAway ? 4 : 0));

    /// <summary>The last stream that the sender of GOAWAY may have acted on.</summary>
    public int LastStreamId => (int)(BinaryPrimitives.ReadUInt32BigEndian(Payload) & int.MaxValue);

    /// <summary>The debug data of GOAWAY.</summary>
    public string DebugText => Encoding.Latin1.GetString(Payload.AsSpan(8));

    /// <summary>What WINDOW_UPDATE adds.</summary>
    public int Increment => (int)(BinaryPrimitives.ReadUInt32BigEndian(Payload) & int.MaxValue);

    /// <summary>What SETTINGS says, in order.</summary>
    public IReadOnlyList<Http2Setting> Settings =>
    [
        .. Enumerable.Range(0, Payload.Length / 6).Select(i => new Http2Setting(
            (Http2SettingId)BinaryPrimitives.ReadUInt16BigEndian(Payload.AsSpan(i * 6)),
            BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan((i * 6) + 2)))),
    ];

    /// <summary>As it goes over the wire.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[HeadSize + Payload.Length];
        bytes[0] = (byte)(Payload.Length >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(1), (ushort)Payload.Length);
        bytes[3] = (byte)Type;
        bytes[4] = (byte)Flags;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(5), (uint)StreamId);
        Payload.CopyTo(bytes, HeadSize);
        return bytes;
    }

    public override string ToString() => $"{Type}[{StreamId}] flags {(int)Flags:x2}, {Payload.Length} bytes" + Type switch
    {
        Http2FrameType.GoAway => $": {Error}, last stream {LastStreamId}, '{DebugText}'",
        Http2FrameType.Reset => $": {Error}",
        Http2FrameType.Headers => $": {string.Join(", ", Fields)}",
        Http2FrameType.Settings => $": {string.Join(", ", Settings.Select(static s => $"{s.Id}={s.Value}"))}",
        Http2FrameType.WindowUpdate => $": +{Increment}",
        _ => "",
    };
}

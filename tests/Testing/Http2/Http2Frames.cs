using System.Buffers.Binary;
using System.Text;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Testing.Http2;

/// <summary>Makes frames. Nothing is checked: what a test asks for is what it gets.</summary>
public static class Http2Frames
{
    /// <summary>What a client begins with (RFC 9113 section 3.4), before its SETTINGS.</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Any frame, of a type that is known or not.</summary>
    public static Http2Frame Raw(int type, int flags, int streamId, params byte[] payload) => new((Http2FrameType)type, (Http2Flags)flags, streamId, payload);

    /// <summary>Section 6.1.</summary>
    /// <param name="streamId">The stream.</param>
    /// <param name="bytes">Its payload without padding.</param>
    /// <param name="endStream">The flag.</param>
    /// <param name="padding">Bytes of padding; null for none, and no field that says so.</param>
    public static Http2Frame Data(int streamId, byte[] bytes, bool endStream = false, int? padding = null) =>
        new(Http2FrameType.Data, Flag(endStream, Http2Flags.EndStream) | Flag(padding is not null, Http2Flags.Padded), streamId, Padded(bytes, padding));

    public static Http2Frame Data(int streamId, string text, bool endStream = false, int? padding = null) => Data(streamId, Encoding.Latin1.GetBytes(text), endStream, padding);

    public static Http2Frame Headers(int streamId, IEnumerable<RawHeader> fields, bool endStream = false) => HeaderBlock(streamId, HpackBlock.Of(fields), endStream);

    /// <summary>HEADERS (section 6.2) with any bytes for a block.</summary>
    /// <param name="streamId">The stream.</param>
    /// <param name="block">The header block, or with <paramref name="endHeaders"/> false its beginning.</param>
    /// <param name="endStream">The flag.</param>
    /// <param name="endHeaders">The flag.</param>
    /// <param name="padding">Bytes of padding; null for none.</param>
    /// <param name="dependency">The stream of the priority fields, its highest bit the exclusive flag; null for no such fields.</param>
    public static Http2Frame HeaderBlock(int streamId, byte[] block, bool endStream = false, bool endHeaders = true, int? padding = null, uint? dependency = null)
    {
        byte[] content = dependency is { } stream ? [.. Number(stream), 15, .. block] : block;
        var flags = Flag(endStream, Http2Flags.EndStream) | Flag(endHeaders, Http2Flags.EndHeaders) | Flag(padding is not null, Http2Flags.Padded) | Flag(dependency is not null, Http2Flags.Priority);
        return new Http2Frame(Http2FrameType.Headers, flags, streamId, Padded(content, padding));
    }

    public static Http2Frame Continuation(int streamId, byte[] fragment, bool endHeaders = true) => new(Http2FrameType.Continuation, Flag(endHeaders, Http2Flags.EndHeaders), streamId, fragment);

    public static Http2Frame Priority(int streamId, uint dependency = 0, byte weight = 15) => new(Http2FrameType.Priority, Http2Flags.None, streamId, [.. Number(dependency), weight]);

    /// <summary>RFC 9218 section 7.1.</summary>
    public static Http2Frame PriorityUpdate(int prioritized, string value, int streamId = 0) =>
        new(Http2FrameType.PriorityUpdate, Http2Flags.None, streamId, [.. Number((uint)prioritized), .. Encoding.Latin1.GetBytes(value)]);

    public static Http2Frame Reset(int streamId, Http2ErrorCode error = Http2ErrorCode.Cancel) => new(Http2FrameType.Reset, Http2Flags.None, streamId, Number((uint)error));

    public static Http2Frame Settings(params IEnumerable<Http2Setting> settings) =>
        new(Http2FrameType.Settings, Http2Flags.None, 0, [.. settings.SelectMany(static s => (byte[])[(byte)((int)s.Id >> 8), (byte)s.Id, .. Number(s.Value)])]);

    public static Http2Frame Settings(Http2SettingId id, uint value) => Settings(new Http2Setting(id, value));

    public static Http2Frame SettingsAck() => new(Http2FrameType.Settings, Http2Flags.Ack, 0, []);

    public static Http2Frame PushPromise(int streamId, int promised, byte[] block) => new(Http2FrameType.PushPromise, Http2Flags.EndHeaders, streamId, [.. Number((uint)promised), .. block]);

    public static Http2Frame Ping(long opaque = 0, bool ack = false)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(payload, opaque);
        return new Http2Frame(Http2FrameType.Ping, Flag(ack, Http2Flags.Ack), 0, payload);
    }

    public static Http2Frame GoAway(int lastStreamId, Http2ErrorCode error = Http2ErrorCode.NoError, string debug = "") =>
        new(Http2FrameType.GoAway, Http2Flags.None, 0, [.. Number((uint)lastStreamId), .. Number((uint)error), .. Encoding.Latin1.GetBytes(debug)]);

    /// <summary>Section 6.9.</summary>
    /// <param name="streamId">0 for the connection.</param>
    /// <param name="increment">Also 0 and more than 2³¹-1, which no peer may send.</param>
    public static Http2Frame WindowUpdate(int streamId, uint increment) => new(Http2FrameType.WindowUpdate, Http2Flags.None, streamId, Number(increment));

    /// <summary>The frames as they go over the wire, one after the other.</summary>
    public static byte[] ToBytes(params IEnumerable<Http2Frame> frames) => [.. frames.SelectMany(static frame => frame.ToBytes())];

    private static Http2Flags Flag(bool set, Http2Flags flag) => set ? flag : Http2Flags.None;

    private static byte[] Padded(byte[] content, int? padding) => padding is { } count ? [(byte)count, .. content, .. new byte[count]] : content;

    private static byte[] Number(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}

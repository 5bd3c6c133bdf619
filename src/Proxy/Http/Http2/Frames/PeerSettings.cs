using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Http.Http2.Frames;

/// <summary>Names of settings (RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1).</summary>
internal enum SettingId : ushort
{
    HeaderTableSize = 0x1,
    EnablePush = 0x2,
    MaxConcurrentStreams = 0x3,
    InitialWindowSize = 0x4,
    MaxFrameSize = 0x5,
    MaxHeaderListSize = 0x6,
    EnableConnectProtocol = 0x8,
    NoRfc7540Priorities = 0x9,
}

/// <summary>What the peer has said of itself. Its values hold from the moment they are read.</summary>
internal sealed class PeerSettings
{
    /// <summary>Octets of one setting.</summary>
    public const int EntrySize = 6;

    private const int LargestMaxFrameSize = (1 << 24) - 1;

    /// <summary>Bytes that our encoder may use for its table.</summary>
    public int HeaderTableSize { get; private set; } = 4096;

    /// <summary>The smallest of the sizes that the last SETTINGS frame gave <see cref="HeaderTableSize"/> one after the other, which our encoder has to tell (RFC 7541 section 4.2).</summary>
    public int SmallestHeaderTableSize { get; private set; } = 4096;

    /// <summary>Streams that we may have open; without bound until the peer says so.</summary>
    public uint MaxConcurrentStreams { get; private set; } = uint.MaxValue;

    /// <summary>What the window of a new stream begins with.</summary>
    public int InitialWindowSize { get; private set; } = Http2Options.MinWindow;

    /// <summary>Longest frame that the peer takes.</summary>
    public int MaxFrameSize { get; private set; } = FrameHeader.MaxLength;

    /// <summary>Longest list of fields that the peer takes; without bound until it says so.</summary>
    public uint MaxHeaderListSize { get; private set; } = uint.MaxValue;

    /// <summary>True where the peer serves extended CONNECT.</summary>
    public bool EnableConnectProtocol { get; private set; }

    /// <summary>Takes a SETTINGS frame's payload, in its order.</summary>
    /// <param name="payload">Whole entries.</param>
    /// <param name="fromServer">True where the peer is a server, which must not let us push.</param>
    /// <returns>What is wrong with it; <see cref="Http2ErrorCode.NoError"/> for nothing.</returns>
    public Http2ErrorCode Apply(ReadOnlySpan<byte> payload, bool fromServer)
    {
        SmallestHeaderTableSize = int.MaxValue;
        for (; payload.Length >= EntrySize; payload = payload[EntrySize..])
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            var error = Apply((SettingId)BinaryPrimitives.ReadUInt16BigEndian(payload), value, fromServer);
            if (error != Http2ErrorCode.NoError)
            {
                return error;
            }
        }

        SmallestHeaderTableSize = Math.Min(SmallestHeaderTableSize, HeaderTableSize);
        return Http2ErrorCode.NoError;
    }

    private Http2ErrorCode Apply(SettingId id, uint value, bool fromServer)
    {
        switch (id)
        {
            case SettingId.HeaderTableSize:
                HeaderTableSize = (int)Math.Min(value, int.MaxValue);
                SmallestHeaderTableSize = Math.Min(SmallestHeaderTableSize, HeaderTableSize);
                break;
            case SettingId.EnablePush when value > 1 || (fromServer && value == 1):
                return Http2ErrorCode.ProtocolError;
            case SettingId.MaxConcurrentStreams:
                MaxConcurrentStreams = value;
                break;
            case SettingId.InitialWindowSize when value > Http2Options.MaxWindow:
                return Http2ErrorCode.FlowControlError;
            case SettingId.InitialWindowSize:
                InitialWindowSize = (int)value;
                break;
            case SettingId.MaxFrameSize when value is < FrameHeader.MaxLength or > LargestMaxFrameSize:
                return Http2ErrorCode.ProtocolError;
            case SettingId.MaxFrameSize:
                MaxFrameSize = (int)value;
                break;
            case SettingId.MaxHeaderListSize:
                MaxHeaderListSize = value;
                break;
            case SettingId.EnableConnectProtocol when value > 1 || (EnableConnectProtocol && value == 0):
                // RFC 8441 section 3: what was said once stays said.
                return Http2ErrorCode.ProtocolError;
            case SettingId.EnableConnectProtocol:
                EnableConnectProtocol = value == 1;
                break;
            case SettingId.NoRfc7540Priorities when value > 1:
                return Http2ErrorCode.ProtocolError;
        }

        return Http2ErrorCode.NoError;
    }
}

using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>
/// Windows, limits and guards of HTTP/2 connections: Envoy's <c>Http2ProtocolOptions</c>. What is not set has Envoy's default for a connection to an upstream, but
/// for windows and streams, which are those of <c>docs/hardening.md</c>.
/// </summary>
public sealed record Http2Options
{
    /// <summary>Smallest window that may be set, in bytes: RFC 9113 section 6.9.2, as in Envoy.</summary>
    public const int MinWindow = 65_535;

    /// <summary>Largest window (RFC 9113 section 6.9.1).</summary>
    public const int MaxWindow = int.MaxValue;

    /// <summary>Bytes that the peer's encoder may use for its table; 4096 by default (<c>hpack_table_size</c>).</summary>
    public int HpackTableSize { get; init; } = 4096;

    /// <summary>Streams that the peer may have open at once; as a client, the most that are opened whatever the peer allows. 1024 by default.</summary>
    public int MaxConcurrentStreams { get; init; } = 1024;

    /// <summary>Bytes of a stream that may be unread here; 256 KiB by default. It grows to twice what a round trip brings, for streams whose reader keeps pace, up to <see cref="MaxStreamWindow"/>.</summary>
    public int InitialStreamWindow { get; init; } = 256 * 1024;

    /// <summary>Bytes of all streams of a connection that may be unread here; 1 MiB by default.</summary>
    public int InitialConnectionWindow { get; init; } = 1024 * 1024;

    /// <summary>What a stream's window may grow to: <c>per_connection_buffer_limit_bytes</c> of the listener or cluster; 1 MiB by default, as there.</summary>
    public int MaxStreamWindow { get; init; } = 1024 * 1024;

    /// <summary>True to serve extended CONNECT, such as WebSocket (<c>allow_connect</c>, RFC 8441).</summary>
    public bool AllowConnect { get; init; }

    /// <summary>Frames that may wait to be taken by the peer (<c>max_outbound_frames</c>).</summary>
    public int MaxOutboundFrames { get; init; } = 10_000;

    /// <summary>Of these, PING, SETTINGS and RST_STREAM (<c>max_outbound_control_frames</c>).</summary>
    public int MaxOutboundControlFrames { get; init; } = 1_000;

    /// <summary>HEADERS, CONTINUATION and DATA in a row that carry nothing and end nothing (<c>max_consecutive_inbound_frames_with_empty_payload</c>).</summary>
    public int MaxConsecutiveInboundFramesWithEmptyPayload { get; init; } = 1;

    /// <summary>PRIORITY frames for each stream opened (<c>max_inbound_priority_frames_per_stream</c>).</summary>
    public int MaxInboundPriorityFramesPerStream { get; init; } = 100;

    /// <summary>WINDOW_UPDATE frames for each DATA frame sent (<c>max_inbound_window_update_frames_per_data_frame_sent</c>).</summary>
    public int MaxInboundWindowUpdateFramesPerDataFrameSent { get; init; } = 10;

    /// <summary>True to end only the stream of a message that is malformed, and not its connection (<c>override_stream_error_on_invalid_http_message</c>).</summary>
    public bool EndsOnlyStreamOfInvalidMessage { get; init; }

    /// <summary>Settings that are sent besides those that the codec acts on; none by default (<c>custom_settings_parameters</c>).</summary>
    public ValueList<Http2CustomSetting> CustomSettings { get; init; } = ValueList<Http2CustomSetting>.Empty;

    /// <summary>PING frames that prove the connection alive; null for none (<c>connection_keepalive</c>).</summary>
    public Http2Keepalive? Keepalive { get; init; }
}

/// <summary>One of the settings that a peer is told (RFC 9113 section 6.5.1).</summary>
/// <param name="Id">Its number.</param>
/// <param name="Value">Its value.</param>
public readonly record struct Http2CustomSetting(ushort Id, uint Value);

/// <summary>Envoy's <c>KeepaliveSettings</c>.</summary>
public sealed record Http2Keepalive
{
    /// <summary>Between PING frames; null for none but those of <see cref="IdleInterval"/>.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>How long to wait for the answer before the connection is closed.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>Random part that is added to <see cref="Interval"/>, in percent of it; 15 by default.</summary>
    public double IntervalJitterPercent { get; init; } = 15;

    /// <summary>A stream that begins on a connection idle for this long sends a PING first; null for none. Only on connections to upstreams.</summary>
    public TimeSpan? IdleInterval { get; init; }
}

using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>
/// What HTTP/2 connections of one side count, under Envoy's names (Envoy documentation, "HTTP/2 codec statistics"): of all connection managers together as
/// <c>http2.</c>, of a cluster as <c>cluster.NAME.http2.</c>.
/// </summary>
internal sealed class Http2Stats
{
    /// <summary>Where nothing speaks HTTP/2: what is counted shows up nowhere.</summary>
    public static readonly Http2Stats None = new();

    private Http2Stats()
    {
    }

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="prefix">Whose they are, with a dot behind it: <c>cluster.NAME.</c>; empty for clients.</param>
    public Http2Stats(StatRegistry registry, string prefix)
    {
        prefix += "http2.";
        DroppedHeadersWithUnderscores = registry.Counter(prefix + "dropped_headers_with_underscores");
        GoAwaySent = registry.Counter(prefix + "goaway_sent");
        HeaderMemoryRefused = registry.Counter(prefix + "header_memory_refused");
        HeaderOverflow = registry.Counter(prefix + "header_overflow");
        HeadersNoStream = registry.Counter(prefix + "headers_cb_no_stream");
        InboundEmptyFramesFlood = registry.Counter(prefix + "inbound_empty_frames_flood");
        InboundPriorityFramesFlood = registry.Counter(prefix + "inbound_priority_frames_flood");
        InboundWindowUpdateFramesFlood = registry.Counter(prefix + "inbound_window_update_frames_flood");
        KeepaliveTimeout = registry.Counter(prefix + "keepalive_timeout");
        OutboundControlFlood = registry.Counter(prefix + "outbound_control_flood");
        OutboundFlood = registry.Counter(prefix + "outbound_flood");
        RequestsRejectedWithUnderscores = registry.Counter(prefix + "requests_rejected_with_underscores_in_headers");
        RxMessagingError = registry.Counter(prefix + "rx_messaging_error");
        RxReset = registry.Counter(prefix + "rx_reset");
        StreamRefusedErrors = registry.Counter(prefix + "stream_refused_errors");
        Trailers = registry.Counter(prefix + "trailers");
        TxFlushTimeout = registry.Counter(prefix + "tx_flush_timeout");
        TxReset = registry.Counter(prefix + "tx_reset");
        StreamsActive = registry.Gauge(prefix + "streams_active");
        PendingSendBytes = registry.Gauge(prefix + "pending_send_bytes");
        OutboundFramesActive = registry.Gauge(prefix + "outbound_frames_active");
        OutboundControlFramesActive = registry.Gauge(prefix + "outbound_control_frames_active");
        InboundAbuse = registry.Counter(prefix + "inbound_abuse");
    }

    /// <summary>Header fields left out for an underscore in their name.</summary>
    public Counter DroppedHeadersWithUnderscores { get; }

    /// <summary>GOAWAY frames sent.</summary>
    public Counter GoAwaySent { get; }

    /// <summary>Streams refused because their connection holds as much for others as it may.</summary>
    public Counter HeaderMemoryRefused { get; }

    /// <summary>Connections reset because a head was larger than configured.</summary>
    public Counter HeaderOverflow { get; }

    /// <summary>Heads that came for a stream that is no more (<c>headers_cb_no_stream</c>).</summary>
    public Counter HeadersNoStream { get; }

    /// <summary>Connections ended for empty frames in a row.</summary>
    public Counter InboundEmptyFramesFlood { get; }

    /// <summary>Connections ended for PRIORITY frames.</summary>
    public Counter InboundPriorityFramesFlood { get; }

    /// <summary>Connections ended for WINDOW_UPDATE frames.</summary>
    public Counter InboundWindowUpdateFramesFlood { get; }

    /// <summary>Connections ended because a PING was not answered in time.</summary>
    public Counter KeepaliveTimeout { get; }

    /// <summary>Connections ended for PING, SETTINGS and RST_STREAM frames that the peer does not take.</summary>
    public Counter OutboundControlFlood { get; }

    /// <summary>Connections ended for frames of any kind that the peer does not take.</summary>
    public Counter OutboundFlood { get; }

    /// <summary>Requests refused for an underscore in a header's name.</summary>
    public Counter RequestsRejectedWithUnderscores { get; }

    /// <summary>Messages that are malformed (RFC 9113 section 8.1.1).</summary>
    public Counter RxMessagingError { get; }

    /// <summary>RST_STREAM frames that came.</summary>
    public Counter RxReset { get; }

    /// <summary>Streams that the peer refused: RST_STREAM with REFUSED_STREAM.</summary>
    public Counter StreamRefusedErrors { get; }

    /// <summary>Trailers that came on requests; as a client on responses.</summary>
    public Counter Trailers { get; }

    /// <summary>Streams reset because the peer's window stayed shut for <c>stream_idle_timeout</c> with data to send.</summary>
    public Counter TxFlushTimeout { get; }

    /// <summary>RST_STREAM frames sent.</summary>
    public Counter TxReset { get; }

    /// <summary>Streams open at both sides' codec.</summary>
    public Gauge StreamsActive { get; }

    /// <summary>Bytes of bodies that wait for a window.</summary>
    public Gauge PendingSendBytes { get; }

    /// <summary>Frames that wait for the socket.</summary>
    public Gauge OutboundFramesActive { get; }

    /// <summary>Of these, PING, SETTINGS and RST_STREAM.</summary>
    public Gauge OutboundControlFramesActive { get; }

    /// <summary>Connections ended because of all that they did together (GOAWAY with ENHANCE_YOUR_CALM). Envoy has no such name.</summary>
    public Counter InboundAbuse { get; }
}

using Envoy.Config.Core.V3;
using KubeProxyNet.Proxy.Http.Http2;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns Envoy's <c>Http2ProtocolOptions</c> into the settings of connections, for clients and for endpoints.</summary>
internal static class Http2OptionsTranslator
{
    /// <summary>Envoy's default of <c>max_concurrent_streams</c>.</summary>
    public const int DefaultStreams = 1024;

    /// <summary>Envoy's default of <c>per_connection_buffer_limit_bytes</c>.</summary>
    private const uint DefaultBufferLimit = 1024 * 1024;

    /// <summary>What a window grows to where there is no limit of buffers: Envoy's window.</summary>
    private const uint Unlimited = 16 * 1024 * 1024;

    /// <summary>The most that is offered to a peer's encoder, whatever is asked for: each connection may have to keep it.</summary>
    private const uint MostTableBytes = 1024 * 1024;

    /// <summary>The settings.</summary>
    /// <param name="message">A message that passed the checks of its schema; null for defaults.</param>
    /// <param name="bufferLimit"><c>per_connection_buffer_limit_bytes</c> of the listener or cluster; null for the default, 0 for none.</param>
    /// <param name="defaultStreams">Streams where <c>max_concurrent_streams</c> is not set.</param>
    /// <param name="streamErrors"><c>stream_error_on_invalid_http_message</c> of the connection manager; null where that says nothing.</param>
    public static Http2Options Translate(Http2ProtocolOptions? message, uint? bufferLimit, int defaultStreams = DefaultStreams, bool? streamErrors = null)
    {
        message ??= new Http2ProtocolOptions();
        var defaults = new Http2Options();
        var limit = (int)Math.Clamp(bufferLimit switch { null => DefaultBufferLimit, 0 => Unlimited, { } bytes => bytes }, Http2Options.MinWindow, Http2Options.MaxWindow);
        var window = (int)(message.InitialStreamWindowSize ?? (uint)Math.Min(defaults.InitialStreamWindow, limit));
        return new Http2Options
        {
            HpackTableSize = (int)Math.Min(message.HpackTableSize ?? (uint)defaults.HpackTableSize, MostTableBytes),
            MaxConcurrentStreams = (int)(message.MaxConcurrentStreams ?? (uint)defaultStreams),
            InitialStreamWindow = window,
            InitialConnectionWindow = (int)(message.InitialConnectionWindowSize ?? (uint)Math.Max(defaults.InitialConnectionWindow, window)),

            // Whoever writes a window means that one, and not the start of a larger one.
            MaxStreamWindow = message.InitialStreamWindowSize is null ? limit : window,
            AllowConnect = message.AllowConnect,
            MaxOutboundFrames = Count(message.MaxOutboundFrames, defaults.MaxOutboundFrames),
            MaxOutboundControlFrames = Count(message.MaxOutboundControlFrames, defaults.MaxOutboundControlFrames),
            MaxConsecutiveInboundFramesWithEmptyPayload = Count(message.MaxConsecutiveInboundFramesWithEmptyPayload, defaults.MaxConsecutiveInboundFramesWithEmptyPayload),
            MaxInboundPriorityFramesPerStream = Count(message.MaxInboundPriorityFramesPerStream, defaults.MaxInboundPriorityFramesPerStream),
            MaxInboundWindowUpdateFramesPerDataFrameSent = Count(message.MaxInboundWindowUpdateFramesPerDataFrameSent, defaults.MaxInboundWindowUpdateFramesPerDataFrameSent),
            EndsOnlyStreamOfInvalidMessage = message.OverrideStreamErrorOnInvalidHttpMessage ?? streamErrors ?? message.StreamErrorOnInvalidHttpMessaging,
            Keepalive = message.ConnectionKeepalive is { } keepalive ? Keepalive(keepalive) : null,
        };
    }

    private static int Count(uint? value, int otherwise) => (int)Math.Min(value ?? (uint)otherwise, int.MaxValue);

    private static Http2Keepalive Keepalive(KeepaliveSettings message)
    {
        var keepalive = new Http2Keepalive
        {
            Interval = Bounded(message.Interval),
            Timeout = Bounded(message.Timeout) ?? TimeSpan.FromSeconds(1),
            IdleInterval = Bounded(message.ConnectionIdleInterval),
        };
        return message.IntervalJitter is { } jitter ? keepalive with { IntervalJitterPercent = jitter.Value } : keepalive;
    }

    private static TimeSpan? Bounded(Google.Protobuf.WellKnownTypes.Duration? duration) =>
        duration is null ? null : ResourceTimeouts.Bounded(duration.ToTimeSpan());
}

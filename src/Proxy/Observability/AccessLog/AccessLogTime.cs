using System.Collections.Frozen;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>The moments of an exchange that durations are measured between (Envoy documentation, "Substitution Formatter", COMMON_DURATION).</summary>
public enum AccessLogTime
{
    /// <summary>A moment that does not occur here: the end of a TLS handshake, or one that only an extension would set.</summary>
    Never,

    /// <summary>DS_RX_BEG: the first byte of the request arrived.</summary>
    RequestBegin,

    /// <summary>DS_RX_END: the last byte of the request arrived.</summary>
    RequestEnd,

    /// <summary>US_CX_BEG: the connect of the upstream connection began; the same for all requests of the connection.</summary>
    ConnectBegin,

    /// <summary>US_CX_END: the upstream connection stood; the same for all requests of the connection.</summary>
    ConnectEnd,

    /// <summary>US_TX_BEG: the first byte of the request was sent upstream.</summary>
    UpstreamRequestBegin,

    /// <summary>US_TX_END: the last byte of the request was sent upstream.</summary>
    UpstreamRequestEnd,

    /// <summary>US_RX_BEG: the first byte of the upstream's response arrived.</summary>
    UpstreamResponseBegin,

    /// <summary>US_RX_BODY_BEG: the first byte of its body arrived.</summary>
    UpstreamBodyBegin,

    /// <summary>US_RX_END: the last byte of the upstream's response arrived.</summary>
    UpstreamResponseEnd,

    /// <summary>DS_TX_BEG: the first byte of the response was sent to the client.</summary>
    ResponseBegin,

    /// <summary>DS_TX_END: the last byte of the response was sent to the client; none where it was cut.</summary>
    ResponseEnd,
}

/// <summary>Envoy's names of <see cref="AccessLogTime"/>.</summary>
internal static class AccessLogTimes
{
    private static readonly FrozenDictionary<string, AccessLogTime> ByName = new Dictionary<string, AccessLogTime>(StringComparer.Ordinal)
    {
        ["DS_RX_BEG"] = AccessLogTime.RequestBegin,
        ["DS_RX_END"] = AccessLogTime.RequestEnd,
        ["US_CX_BEG"] = AccessLogTime.ConnectBegin,
        ["US_CX_END"] = AccessLogTime.ConnectEnd,
        ["US_TX_BEG"] = AccessLogTime.UpstreamRequestBegin,
        ["US_TX_END"] = AccessLogTime.UpstreamRequestEnd,
        ["US_RX_BEG"] = AccessLogTime.UpstreamResponseBegin,
        ["US_RX_BODY_BEG"] = AccessLogTime.UpstreamBodyBegin,
        ["US_RX_END"] = AccessLogTime.UpstreamResponseEnd,
        ["DS_TX_BEG"] = AccessLogTime.ResponseBegin,
        ["DS_TX_END"] = AccessLogTime.ResponseEnd,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The moment of a name. Any other name is one that an extension might set, as in Envoy; nothing sets it here.</summary>
    internal static AccessLogTime Parse(string name) => ByName.GetValueOrDefault(name);

    /// <summary>Milliseconds from one moment to the other; null where one has not come, or they came the other way round.</summary>
    internal static long? Between(IAccessLogSource source, AccessLogTime from, AccessLogTime to) =>
        source.MillisecondsAt(from) is { } begin && source.MillisecondsAt(to) is { } end && end >= begin ? end - begin : null;
}

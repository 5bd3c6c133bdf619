namespace KubeProxyNet.Proxy.Http;

/// <summary>Header names that the proxy itself acts on. Everything else is <see cref="Other"/> and is only carried.</summary>
public enum KnownHeader : byte
{
    Other = 0,
    Host,
    Connection,
    ContentLength,
    TransferEncoding,
    KeepAlive,
    ProxyConnection,
    Te,
    Trailer,
    Upgrade,
    Expect,
    UserAgent,
    Date,
    Server,
    ContentType,
    Location,
    XForwardedFor,
    XForwardedProto,
    XForwardedHost,
    XRequestId,
    XEnvoyUpstreamServiceTime,
    XEnvoyExpectedRequestTimeoutMs,
    XEnvoyOriginalPath,
    XEnvoyExternalAddress,
    XEnvoyInternal,
    XEnvoyDecoratorOperation,
    XEnvoyAttemptCount,

    /// <summary>Number of members, for tables indexed by header.</summary>
    Count,
}

/// <summary>Maps lower-case header names to <see cref="KnownHeader"/> and back.</summary>
public static class KnownHeaders
{
    /// <summary>The id of a lower-case name; <see cref="KnownHeader.Other"/> where the proxy does not act on it.</summary>
    public static KnownHeader Identify(ReadOnlySpan<byte> lowerCaseName) => lowerCaseName.Length switch
    {
        2 => lowerCaseName.SequenceEqual("te"u8) ? KnownHeader.Te : KnownHeader.Other,
        4 => lowerCaseName.SequenceEqual("host"u8) ? KnownHeader.Host
            : lowerCaseName.SequenceEqual("date"u8) ? KnownHeader.Date : KnownHeader.Other,
        6 => lowerCaseName.SequenceEqual("server"u8) ? KnownHeader.Server
            : lowerCaseName.SequenceEqual("expect"u8) ? KnownHeader.Expect : KnownHeader.Other,
        7 => lowerCaseName.SequenceEqual("upgrade"u8) ? KnownHeader.Upgrade
            : lowerCaseName.SequenceEqual("trailer"u8) ? KnownHeader.Trailer : KnownHeader.Other,
        8 => lowerCaseName.SequenceEqual("location"u8) ? KnownHeader.Location : KnownHeader.Other,
        10 => lowerCaseName.SequenceEqual("connection"u8) ? KnownHeader.Connection
            : lowerCaseName.SequenceEqual("user-agent"u8) ? KnownHeader.UserAgent
            : lowerCaseName.SequenceEqual("keep-alive"u8) ? KnownHeader.KeepAlive : KnownHeader.Other,
        12 => lowerCaseName.SequenceEqual("content-type"u8) ? KnownHeader.ContentType
            : lowerCaseName.SequenceEqual("x-request-id"u8) ? KnownHeader.XRequestId : KnownHeader.Other,
        14 => lowerCaseName.SequenceEqual("content-length"u8) ? KnownHeader.ContentLength : KnownHeader.Other,
        15 => lowerCaseName.SequenceEqual("x-forwarded-for"u8) ? KnownHeader.XForwardedFor : KnownHeader.Other,
        16 => lowerCaseName.SequenceEqual("x-forwarded-host"u8) ? KnownHeader.XForwardedHost
            : lowerCaseName.SequenceEqual("x-envoy-internal"u8) ? KnownHeader.XEnvoyInternal
            : lowerCaseName.SequenceEqual("proxy-connection"u8) ? KnownHeader.ProxyConnection : KnownHeader.Other,
        17 => lowerCaseName.SequenceEqual("transfer-encoding"u8) ? KnownHeader.TransferEncoding
            : lowerCaseName.SequenceEqual("x-forwarded-proto"u8) ? KnownHeader.XForwardedProto : KnownHeader.Other,
        21 => lowerCaseName.SequenceEqual("x-envoy-original-path"u8) ? KnownHeader.XEnvoyOriginalPath
            : lowerCaseName.SequenceEqual("x-envoy-attempt-count"u8) ? KnownHeader.XEnvoyAttemptCount : KnownHeader.Other,
        24 => lowerCaseName.SequenceEqual("x-envoy-external-address"u8) ? KnownHeader.XEnvoyExternalAddress : KnownHeader.Other,
        27 => lowerCaseName.SequenceEqual("x-envoy-decorator-operation"u8) ? KnownHeader.XEnvoyDecoratorOperation : KnownHeader.Other,
        29 => lowerCaseName.SequenceEqual("x-envoy-upstream-service-time"u8) ? KnownHeader.XEnvoyUpstreamServiceTime : KnownHeader.Other,
        30 => lowerCaseName.SequenceEqual("x-envoy-expected-rq-timeout-ms"u8) ? KnownHeader.XEnvoyExpectedRequestTimeoutMs : KnownHeader.Other,
        _ => KnownHeader.Other,
    };
}

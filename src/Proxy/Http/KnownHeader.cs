namespace KubeProxyNet.Proxy.Http;

/// <summary>
/// Header names that the proxy itself acts on. Everything else is <see cref="Other"/> and is only carried. The members before
/// <see cref="Host"/> stand for many names: see <see cref="KnownHeaders.IsName"/>.
/// </summary>
public enum KnownHeader : byte
{
    Other = 0,

    /// <summary>A field that was there and is to be seen by nobody: neither by routes, nor by logs, nor by the upstream.</summary>
    Withheld,

    /// <summary>Tells Envoy's router or tracer what to do; only internal clients may (Envoy documentation, "HTTP header sanitizing").</summary>
    XEnvoyControl,

    /// <summary>Any other name that begins with <c>x-envoy-</c>.</summary>
    XEnvoyOther,

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
    Via,
    XForwardedFor,
    XForwardedProto,
    XForwardedHost,
    XForwardedClientCert,
    XRequestId,
    XEnvoyUpstreamServiceTime,
    XEnvoyExpectedRequestTimeoutMs,
    XEnvoyOriginalPath,
    XEnvoyExternalAddress,
    XEnvoyInternal,
    XEnvoyDecoratorOperation,
    XEnvoyAttemptCount,
    GrpcStatus,
    GrpcTimeout,

    /// <summary>Number of members, for tables indexed by header.</summary>
    Count,
}

/// <summary>Maps lower-case header names to <see cref="KnownHeader"/> and back.</summary>
public static class KnownHeaders
{
    /// <summary>True where the id stands for one name; otherwise fields with the same id may have different names.</summary>
    public static bool IsName(KnownHeader id) => id >= KnownHeader.Host;

    private static readonly byte[][] ControlTails =
    [
        "force-trace"u8.ToArray(), "hedge-on-per-try-timeout"u8.ToArray(), "ip-tags"u8.ToArray(), "max-retries"u8.ToArray(),
        "original-url"u8.ToArray(), "retriable-header-names"u8.ToArray(), "retriable-status-codes"u8.ToArray(), "retry-grpc-on"u8.ToArray(),
        "retry-on"u8.ToArray(), "upstream-alt-stat-name"u8.ToArray(), "upstream-rq-per-try-timeout-ms"u8.ToArray(),
        "upstream-rq-timeout-alt-response"u8.ToArray(), "upstream-rq-timeout-ms"u8.ToArray(), "upstream-stream-duration-ms"u8.ToArray(),
    ];

    /// <summary>The id of a lower-case name; <see cref="KnownHeader.Other"/> where the proxy does not act on it.</summary>
    public static KnownHeader Identify(ReadOnlySpan<byte> lowerCaseName)
    {
        var id = IdentifyName(lowerCaseName);
        return id == KnownHeader.Other && lowerCaseName.StartsWith("x-envoy-"u8)
            ? IsControl(lowerCaseName["x-envoy-".Length..]) ? KnownHeader.XEnvoyControl : KnownHeader.XEnvoyOther
            : id;
    }

    private static KnownHeader IdentifyName(ReadOnlySpan<byte> lowerCaseName) => lowerCaseName.Length switch
    {
        2 => lowerCaseName.SequenceEqual("te"u8) ? KnownHeader.Te : KnownHeader.Other,
        3 => lowerCaseName.SequenceEqual("via"u8) ? KnownHeader.Via : KnownHeader.Other,
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
        11 => lowerCaseName.SequenceEqual("grpc-status"u8) ? KnownHeader.GrpcStatus : KnownHeader.Other,
        12 => lowerCaseName.SequenceEqual("content-type"u8) ? KnownHeader.ContentType
            : lowerCaseName.SequenceEqual("x-request-id"u8) ? KnownHeader.XRequestId
            : lowerCaseName.SequenceEqual("grpc-timeout"u8) ? KnownHeader.GrpcTimeout : KnownHeader.Other,
        14 => lowerCaseName.SequenceEqual("content-length"u8) ? KnownHeader.ContentLength : KnownHeader.Other,
        15 => lowerCaseName.SequenceEqual("x-forwarded-for"u8) ? KnownHeader.XForwardedFor : KnownHeader.Other,
        16 => lowerCaseName.SequenceEqual("x-forwarded-host"u8) ? KnownHeader.XForwardedHost
            : lowerCaseName.SequenceEqual("x-envoy-internal"u8) ? KnownHeader.XEnvoyInternal
            : lowerCaseName.SequenceEqual("proxy-connection"u8) ? KnownHeader.ProxyConnection : KnownHeader.Other,
        17 => lowerCaseName.SequenceEqual("transfer-encoding"u8) ? KnownHeader.TransferEncoding
            : lowerCaseName.SequenceEqual("x-forwarded-proto"u8) ? KnownHeader.XForwardedProto : KnownHeader.Other,
        21 => lowerCaseName.SequenceEqual("x-envoy-original-path"u8) ? KnownHeader.XEnvoyOriginalPath
            : lowerCaseName.SequenceEqual("x-envoy-attempt-count"u8) ? KnownHeader.XEnvoyAttemptCount : KnownHeader.Other,
        23 => lowerCaseName.SequenceEqual("x-forwarded-client-cert"u8) ? KnownHeader.XForwardedClientCert : KnownHeader.Other,
        24 => lowerCaseName.SequenceEqual("x-envoy-external-address"u8) ? KnownHeader.XEnvoyExternalAddress : KnownHeader.Other,
        27 => lowerCaseName.SequenceEqual("x-envoy-decorator-operation"u8) ? KnownHeader.XEnvoyDecoratorOperation : KnownHeader.Other,
        29 => lowerCaseName.SequenceEqual("x-envoy-upstream-service-time"u8) ? KnownHeader.XEnvoyUpstreamServiceTime : KnownHeader.Other,
        30 => lowerCaseName.SequenceEqual("x-envoy-expected-rq-timeout-ms"u8) ? KnownHeader.XEnvoyExpectedRequestTimeoutMs : KnownHeader.Other,
        _ => KnownHeader.Other,
    };

    private static bool IsControl(ReadOnlySpan<byte> tail)
    {
        foreach (var control in ControlTails)
        {
            if (tail.SequenceEqual(control))
            {
                return true;
            }
        }

        return false;
    }
}

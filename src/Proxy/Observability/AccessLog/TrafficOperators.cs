namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>The operators that count bytes and measure time.</summary>
internal static class TrafficOperators
{
    internal static readonly Dictionary<string, OperatorFactory> All = new(StringComparer.Ordinal)
    {
        ["START_TIME"] = static command => Time(command, static source => source.StartTime, isLocal: false),
        ["START_TIME_LOCAL"] = static command => Time(command, static source => source.StartTime, isLocal: true),
        ["EMIT_TIME"] = static command => Time(command, static source => source.EmitTime, isLocal: false),
        ["EMIT_TIME_LOCAL"] = static command => Time(command, static source => source.EmitTime, isLocal: true),
        ["DURATION"] = AccessLogOperators.Number(static source => source.DurationMs),
        ["REQUEST_DURATION"] = Between(AccessLogTime.RequestBegin, AccessLogTime.RequestEnd),
        ["REQUEST_TX_DURATION"] = Between(AccessLogTime.RequestBegin, AccessLogTime.UpstreamRequestEnd),
        ["RESPONSE_DURATION"] = Between(AccessLogTime.RequestBegin, AccessLogTime.UpstreamResponseBegin),
        ["RESPONSE_TX_DURATION"] = Between(AccessLogTime.UpstreamResponseBegin, AccessLogTime.ResponseEnd),
        ["COMMON_DURATION"] = CommonDuration,
        ["UPSTREAM_CONNECTION_POOL_READY_DURATION"] = AccessLogOperators.Number(static source => source.PoolReadyMs),
        ["BYTES_RECEIVED"] = AccessLogOperators.Number(static source => source.BytesReceived),
        ["BYTES_SENT"] = AccessLogOperators.Number(static source => source.BytesSent),
        ["REQUEST_HEADERS_BYTES"] = AccessLogOperators.Number(static source => source.SizeOf(AccessLogSize.RequestHeaders), AccessLogNeeds.RequestHead),
        ["RESPONSE_HEADERS_BYTES"] = AccessLogOperators.Number(static source => source.SizeOf(AccessLogSize.ResponseHeaders), AccessLogNeeds.ResponseHead),
        ["DOWNSTREAM_HEADER_BYTES_RECEIVED"] = Size(AccessLogSize.DownstreamHeadersReceived),
        ["DOWNSTREAM_HEADER_BYTES_SENT"] = Size(AccessLogSize.DownstreamHeadersSent),
        ["DOWNSTREAM_WIRE_BYTES_RECEIVED"] = Size(AccessLogSize.DownstreamWireReceived),
        ["DOWNSTREAM_WIRE_BYTES_SENT"] = Size(AccessLogSize.DownstreamWireSent),
        ["UPSTREAM_HEADER_BYTES_RECEIVED"] = Size(AccessLogSize.UpstreamHeadersReceived),
        ["UPSTREAM_HEADER_BYTES_SENT"] = Size(AccessLogSize.UpstreamHeadersSent),
        ["UPSTREAM_WIRE_BYTES_RECEIVED"] = Size(AccessLogSize.UpstreamWireReceived),
        ["UPSTREAM_WIRE_BYTES_SENT"] = Size(AccessLogSize.UpstreamWireSent),

        // HTTP/1.1 compresses no headers.
        ["DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED"] = Size(AccessLogSize.DownstreamHeadersReceived),
        ["DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT"] = Size(AccessLogSize.DownstreamHeadersSent),
        ["UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED"] = Size(AccessLogSize.UpstreamHeadersReceived),
        ["UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT"] = Size(AccessLogSize.UpstreamHeadersSent),
    };

    private static OperatorFactory Size(AccessLogSize size) => AccessLogOperators.Number(source => source.SizeOf(size));

    private static OperatorFactory Between(AccessLogTime from, AccessLogTime to) =>
        AccessLogOperators.Number(source => AccessLogTimes.Between(source, from, to));

    private static TimeOperator Time(AccessLogCommand command, Func<IAccessLogSource, DateTimeOffset> read, bool isLocal) =>
        new(read, TimeFormat.Parse(command.Argument is { Length: > 0 } pattern ? pattern : TimeFormat.Default, command.Position), isLocal);

    private static NumberOperator CommonDuration(AccessLogCommand command)
    {
        var parts = (command.Argument ?? "").Split(':');
        if (parts.Length is not (2 or 3) || parts.Contains(""))
        {
            throw command.Wrong("takes two moments and optionally a precision; write %COMMON_DURATION(DS_RX_BEG:DS_TX_END:ms)%");
        }

        var perMillisecond = parts.Length == 2 ? 1 : parts[2] switch
        {
            "ms" => 1,
            "us" => 1_000,
            "ns" => 1_000_000,
            _ => throw command.Wrong($"\"{parts[2]}\" is no precision; write ms, us or ns"),
        };
        var from = AccessLogTimes.Parse(parts[0]);
        var to = AccessLogTimes.Parse(parts[1]);
        return new NumberOperator(source => AccessLogTimes.Between(source, from, to) * perMillisecond);
    }
}

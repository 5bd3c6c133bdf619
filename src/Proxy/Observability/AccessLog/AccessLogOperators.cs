using System.Buffers;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>A command as written: <c>%NAME(Argument):MaxLength%</c>.</summary>
internal readonly record struct AccessLogCommand(string Name, string? Argument, int? MaxLength, int Position)
{
    internal AccessLogFormatException Wrong(string reason) => new(Position, $"%{Name}%: {reason}");
}

/// <summary>The commands that a format may use, by name (Envoy documentation, "Access logging", command operators).</summary>
internal static class AccessLogOperators
{
    // RFC 9110 §5.6.2
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private static readonly Dictionary<string, Func<AccessLogCommand, AccessLogOperator>> ByName = new(StringComparer.Ordinal)
    {
        ["START_TIME"] = static command =>
            new StartTimeOperator(TimeFormat.Parse(command.Argument is { Length: > 0 } pattern ? pattern : TimeFormat.Default, command.Position)),
        ["REQ"] = static command => Header(command, isResponse: false),
        ["REQ_WITHOUT_QUERY"] = static command => Header(command, isResponse: false, withoutQuery: true),
        ["RESP"] = static command => Header(command, isResponse: true),

        ["TRAILER"] = Trailer,
        ["PROTOCOL"] = Bytes(static source => source.Protocol),
        ["RESPONSE_CODE"] = Number(static source => source.ResponseCode),
        ["RESPONSE_CODE_DETAILS"] = static command => command.Argument switch
        {
            null or "" => new CodeDetailsOperator(allowWhiteSpace: false),
            "ALLOW_WHITESPACES" => new CodeDetailsOperator(allowWhiteSpace: true),
            _ => throw command.Wrong("the argument can only be ALLOW_WHITESPACES"),
        },
        ["RESPONSE_FLAGS"] = Plain(static () => new FlagsOperator(longNames: false)),
        ["RESPONSE_FLAGS_LONG"] = Plain(static () => new FlagsOperator(longNames: true)),
        ["CONNECTION_TERMINATION_DETAILS"] = Bytes(static source => source.ConnectionTerminationDetails),
        ["BYTES_RECEIVED"] = Number(static source => source.BytesReceived),
        ["BYTES_SENT"] = Number(static source => source.BytesSent),
        ["DURATION"] = Milliseconds(static source => source.Duration),
        ["REQUEST_DURATION"] = Milliseconds(static source => source.RequestDuration),
        ["REQUEST_TX_DURATION"] = Milliseconds(static source => source.RequestTxDuration),
        ["RESPONSE_DURATION"] = Milliseconds(static source => source.ResponseDuration),
        ["RESPONSE_TX_DURATION"] = Milliseconds(static source => source.ResponseTxDuration),
        ["UPSTREAM_HOST"] = Bytes(static source => source.UpstreamHost),
        ["UPSTREAM_REMOTE_ADDRESS"] = Bytes(static source => source.UpstreamHost),
        ["UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"] = Address(static source => source.UpstreamHost, AddressPart.WithoutPort),
        ["UPSTREAM_REMOTE_PORT"] = Address(static source => source.UpstreamHost, AddressPart.Port),
        ["UPSTREAM_CLUSTER"] = Bytes(static source => source.UpstreamCluster),
        ["UPSTREAM_CLUSTER_RAW"] = Bytes(static source => source.UpstreamCluster),
        ["UPSTREAM_LOCAL_ADDRESS"] = Bytes(static source => source.UpstreamLocalAddress),
        ["UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"] = Address(static source => source.UpstreamLocalAddress, AddressPart.WithoutPort),
        ["UPSTREAM_LOCAL_PORT"] = Address(static source => source.UpstreamLocalAddress, AddressPart.Port),
        ["UPSTREAM_TRANSPORT_FAILURE_REASON"] = Bytes(static source => source.UpstreamTransportFailureReason),
        ["UPSTREAM_REQUEST_ATTEMPT_COUNT"] = Number(static source => source.UpstreamRequestAttemptCount),
        ["DOWNSTREAM_REMOTE_ADDRESS"] = Bytes(static source => source.DownstreamRemoteAddress),
        ["DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"] = Address(static source => source.DownstreamRemoteAddress, AddressPart.WithoutPort),
        ["DOWNSTREAM_REMOTE_PORT"] = Address(static source => source.DownstreamRemoteAddress, AddressPart.Port),
        ["DOWNSTREAM_DIRECT_REMOTE_ADDRESS"] = Bytes(static source => source.DownstreamDirectRemoteAddress),
        ["DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT"] =
            Address(static source => source.DownstreamDirectRemoteAddress, AddressPart.WithoutPort),
        ["DOWNSTREAM_DIRECT_REMOTE_PORT"] = Address(static source => source.DownstreamDirectRemoteAddress, AddressPart.Port),
        ["DOWNSTREAM_LOCAL_ADDRESS"] = Bytes(static source => source.DownstreamLocalAddress),
        ["DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"] = Address(static source => source.DownstreamLocalAddress, AddressPart.WithoutPort),
        ["DOWNSTREAM_LOCAL_PORT"] = Address(static source => source.DownstreamLocalAddress, AddressPart.Port),
        ["ROUTE_NAME"] = Bytes(static source => source.RouteName),
        ["VIRTUAL_CLUSTER_NAME"] = Plain(static () => new ConstantOperator("")),
        ["HOSTNAME"] = Plain(static () => new ConstantOperator(Environment.MachineName)),
        ["REQUESTED_SERVER_NAME"] = Bytes(static source => source.RequestedServerName),
        ["CONNECTION_ID"] = Number(static source => source.ConnectionId),
        ["STREAM_ID"] = Bytes(static source => source.StreamId),
    };

    /// <summary>The operator of a command as written.</summary>
    /// <exception cref="AccessLogFormatException">The command is not known or its argument is wrong.</exception>
    internal static AccessLogOperator Compile(AccessLogCommand command)
    {
        if (!ByName.TryGetValue(command.Name, out var build))
        {
            throw command.Wrong($"is no known operator; known are {string.Join(", ", ByName.Keys.Order(StringComparer.Ordinal))}");
        }

        if (command.MaxLength is not null && command.Name is not ("REQ" or "RESP" or "TRAILER" or "REQ_WITHOUT_QUERY"))
        {
            throw command.Wrong("takes no maximum length; remove the colon and the number");
        }

        return build(command);
    }

    private static Func<AccessLogCommand, AccessLogOperator> Plain(Func<AccessLogOperator> build) => command =>
        string.IsNullOrEmpty(command.Argument) ? build() : throw command.Wrong("takes no argument; remove the parentheses");

    private static Func<AccessLogCommand, AccessLogOperator> Bytes(BytesOf read) => Plain(() => new BytesOperator(read));

    private static Func<AccessLogCommand, AccessLogOperator> Number(Func<IAccessLogSource, long?> read) => Plain(() => new NumberOperator(read));

    private static Func<AccessLogCommand, AccessLogOperator> Milliseconds(Func<IAccessLogSource, TimeSpan?> read) =>
        Number(source => read(source) is { } duration ? duration.Ticks / TimeSpan.TicksPerMillisecond : null);

    private static Func<AccessLogCommand, AccessLogOperator> Address(BytesOf read, AddressPart part) =>
        Plain(() => new AddressOperator(read, part));

    // Trailers are not kept, so there is never a value; the header's name is still checked.
    private static ConstantOperator Trailer(AccessLogCommand command)
    {
        _ = Header(command, isResponse: true);
        return new ConstantOperator("");
    }

    private static HeaderOperator Header(AccessLogCommand command, bool isResponse, bool withoutQuery = false)
    {
        if (string.IsNullOrEmpty(command.Argument))
        {
            throw command.Wrong($"needs a header's name; write %{command.Name}(NAME)%");
        }

        var names = command.Argument.Split('?');
        if (names.Length > 2)
        {
            throw command.Wrong($"takes one name and at most one alternative; write %{command.Name}(FIRST?SECOND)%");
        }

        foreach (var name in names)
        {
            if (name.Length == 0 || name.AsSpan(name[0] == ':' ? 1 : 0).ContainsAnyExcept(TokenCharacters) || name == ":")
            {
                throw command.Wrong($"\"{name}\" is no header name");
            }
        }

        return new HeaderOperator(names[0], names.Length == 2 ? names[1] : null, command.MaxLength ?? int.MaxValue, isResponse, withoutQuery);
    }
}

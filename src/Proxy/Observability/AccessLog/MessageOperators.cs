using System.Buffers;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>The operators that show parts of the request and of the response, and what became of them.</summary>
internal static class MessageOperators
{
    // RFC 9110 §5.6.2
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    internal static readonly Dictionary<string, OperatorFactory> All = new(StringComparer.Ordinal)
    {
        ["REQ"] = static command => Header(command, HeaderPlace.Request),
        ["REQUEST_HEADER"] = static command => Header(command, HeaderPlace.Request),
        ["STREAM_INFO_REQ"] = static command => Header(command, HeaderPlace.Request),
        ["REQ_WITHOUT_QUERY"] = static command => Header(command, HeaderPlace.Request, withoutQuery: true),
        ["RESP"] = static command => Header(command, HeaderPlace.Response),
        ["RESPONSE_HEADER"] = static command => Header(command, HeaderPlace.Response),
        ["TRAILER"] = static command => Header(command, HeaderPlace.Trailers),
        ["RESPONSE_TRAILER"] = static command => Header(command, HeaderPlace.Trailers),
        ["PATH"] = PathOperator.Parse,
        ["QUERY_PARAM"] = QueryOperator.One,
        ["QUERY_PARAMS"] = QueryOperator.All,
        ["REQUESTED_SERVER_NAME"] = RequestedServerNameOperator.Parse,
        ["COALESCE"] = CoalesceOperator.Parse,
        ["GRPC_STATUS"] = GrpcStatusOperator.Parse,
        ["GRPC_STATUS_NUMBER"] = AccessLogOperators.Plain(static () => new GrpcStatusOperator(null)),
        ["PROTOCOL"] = AccessLogOperators.Bytes(static source => source.Protocol),
        ["UPSTREAM_PROTOCOL"] = AccessLogOperators.Bytes(static source => source.UpstreamProtocol),
        ["RESPONSE_CODE"] = AccessLogOperators.Number(static source => source.ResponseCode),
        ["RESPONSE_CODE_DETAILS"] = static command => command.Argument switch
        {
            null or "" => new CodeDetailsOperator(allowWhiteSpace: false),
            "ALLOW_WHITESPACES" => new CodeDetailsOperator(allowWhiteSpace: true),
            _ => throw command.Wrong("the argument can only be ALLOW_WHITESPACES"),
        },
        ["RESPONSE_FLAGS"] = AccessLogOperators.Plain(static () => new FlagsOperator(longNames: false)),
        ["RESPONSE_FLAGS_LONG"] = AccessLogOperators.Plain(static () => new FlagsOperator(longNames: true)),
        ["LOCAL_REPLY_BODY"] = AccessLogOperators.Bytes(static source => source.LocalReplyBody, mayBeEmpty: true),
        ["ROUTE_NAME"] = AccessLogOperators.Bytes(static source => source.RouteName),
        ["VIRTUAL_CLUSTER_NAME"] = AccessLogOperators.Bytes(static source => source.VirtualClusterName),
        ["STREAM_ID"] = AccessLogOperators.Bytes(static source => source.StreamId),
        ["UNIQUE_ID"] = AccessLogOperators.Plain(static () => new UniqueIdOperator()),
        ["HOSTNAME"] = AccessLogOperators.Plain(static () => new ConstantOperator(Environment.MachineName)),
        ["ENVIRONMENT"] = static command => string.IsNullOrEmpty(command.Argument)
            ? throw command.Wrong("needs an environment variable's name; write %ENVIRONMENT(NAME)%")
            : new ConstantOperator(Environment.GetEnvironmentVariable(command.Argument), command.MaxLength ?? int.MaxValue),

        // A record is made when the exchange has ended, and at no other time.
        ["ACCESS_LOG_TYPE"] = AccessLogOperators.Plain(static () => new ConstantOperator("DownstreamEnd")),
    };

    private static HeaderOperator Header(AccessLogCommand command, HeaderPlace place, bool withoutQuery = false)
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

        return new HeaderOperator(names[0], names.Length == 2 ? names[1] : null, command.MaxLength ?? int.MaxValue, place, withoutQuery);
    }
}

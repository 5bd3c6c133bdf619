using System.Collections.Frozen;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>A command as written: <c>%NAME(Argument):MaxLength%</c>.</summary>
internal readonly record struct AccessLogCommand(string Name, string? Argument, int? MaxLength, int Position)
{
    internal AccessLogFormatException Wrong(string reason) => new(Position, $"%{Name}%: {reason}");
}

/// <summary>Makes the operator of a command.</summary>
internal delegate AccessLogOperator OperatorFactory(AccessLogCommand command);

/// <summary>The commands that a format may use, by name (Envoy documentation, "Substitution Formatter").</summary>
internal static class AccessLogOperators
{
    private static readonly FrozenDictionary<string, OperatorFactory> ByName =
        MessageOperators.All.Concat(TrafficOperators.All).Concat(AddressOperators.All).Concat(TlsOperators.All).Concat(AbsentOperators.All)
            .ToFrozenDictionary(static pair => pair.Key, static pair => pair.Value, StringComparer.Ordinal);

    private static readonly FrozenSet<string> TakesMaxLength = new[]
    {
        "REQ", "REQUEST_HEADER", "STREAM_INFO_REQ", "RESP", "RESPONSE_HEADER", "TRAILER", "RESPONSE_TRAILER", "REQ_WITHOUT_QUERY", "PATH", "QUERY_PARAM", "QUERY_PARAMS",
        "ENVIRONMENT", "COALESCE", "DYNAMIC_METADATA", "CLUSTER_METADATA", "UPSTREAM_METADATA", "METADATA", "FILTER_STATE", "UPSTREAM_FILTER_STATE",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Every name, in order.</summary>
    internal static IEnumerable<string> Names => ByName.Keys.Order(StringComparer.Ordinal);

    /// <summary>The operator of a command as written.</summary>
    /// <exception cref="AccessLogFormatException">The command is not known or its argument is wrong.</exception>
    internal static AccessLogOperator Compile(AccessLogCommand command)
    {
        if (!ByName.TryGetValue(command.Name, out var build))
        {
            throw command.Wrong($"is no known operator; known are {string.Join(", ", Names)}");
        }

        if (command.MaxLength is not null && !TakesMaxLength.Contains(command.Name))
        {
            throw command.Wrong("takes no maximum length; remove the colon and the number");
        }

        return build(command);
    }

    internal static OperatorFactory Plain(Func<AccessLogOperator> build) => command =>
        string.IsNullOrEmpty(command.Argument) ? build() : throw command.Wrong("takes no argument; remove the parentheses");

    internal static OperatorFactory Bytes(BytesOf read, bool mayBeEmpty = false) => Plain(() => new BytesOperator(read, mayBeEmpty: mayBeEmpty));

    internal static OperatorFactory Number(Func<IAccessLogSource, long?> read, AccessLogNeeds needs = AccessLogNeeds.None) =>
        Plain(() => new NumberOperator(read, needs));
}

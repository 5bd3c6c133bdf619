using System.Globalization;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>The operators that show who talked to whom: addresses, clusters, connections.</summary>
internal static class AddressOperators
{
    internal static readonly Dictionary<string, OperatorFactory> All = Addresses(
        ("DOWNSTREAM_REMOTE", static source => source.DownstreamRemoteAddress, AccessLogNeeds.None),
        ("DOWNSTREAM_DIRECT_REMOTE", static source => source.DownstreamDirectRemoteAddress, AccessLogNeeds.None),
        ("DOWNSTREAM_LOCAL", static source => source.DownstreamLocalAddress, AccessLogNeeds.None),

        // Nothing stands between the socket and us that could know of another one.
        ("DOWNSTREAM_DIRECT_LOCAL", static source => source.DownstreamLocalAddress, AccessLogNeeds.None),
        ("UPSTREAM_REMOTE", static source => source.UpstreamRemoteAddress, AccessLogNeeds.None),
        ("UPSTREAM_LOCAL", static source => source.UpstreamLocalAddress, AccessLogNeeds.UpstreamLocalAddress))
        .Concat(new Dictionary<string, OperatorFactory>(StringComparer.Ordinal)
        {
            ["UPSTREAM_HOST"] = AccessLogOperators.Bytes(static source => source.UpstreamHost),
            ["UPSTREAM_HOST_NAME"] = AccessLogOperators.Bytes(static source => source.UpstreamHostName),
            ["UPSTREAM_HOST_NAME_WITHOUT_PORT"] = AccessLogOperators.Plain(
                static () => new AddressOperator(static source => source.UpstreamHostName, AddressPart.WithoutPort)),
            ["UPSTREAM_HOSTS_ATTEMPTED"] = Attempts(static (source, index) => source.AttemptedHost(index), AddressPart.Whole),
            ["UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT"] = Attempts(static (source, index) => source.AttemptedHost(index), AddressPart.WithoutPort),
            ["UPSTREAM_HOST_NAMES_ATTEMPTED"] = Attempts(static (source, index) => source.AttemptedHostName(index), AddressPart.Whole),
            ["UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT"] =
                Attempts(static (source, index) => source.AttemptedHostName(index), AddressPart.WithoutPort),
            ["UPSTREAM_CONNECTION_IDS_ATTEMPTED"] = AccessLogOperators.Plain(static () => new AttemptedConnectionsOperator()),
            ["UPSTREAM_CONNECTION_ID"] = AccessLogOperators.Number(static source => source.UpstreamConnectionId),
            ["UPSTREAM_REQUEST_ATTEMPT_COUNT"] = AccessLogOperators.Number(static source => source.UpstreamRequestAttemptCount),
            ["UPSTREAM_CLUSTER"] = AccessLogOperators.Bytes(static source => source.UpstreamCluster),
            ["UPSTREAM_CLUSTER_RAW"] = AccessLogOperators.Bytes(static source => source.UpstreamClusterRaw),
            ["UPSTREAM_TRANSPORT_FAILURE_REASON"] = AccessLogOperators.Bytes(static source => source.UpstreamTransportFailureReason),
            ["UPSTREAM_DETECTED_CLOSE_TYPE"] = AccessLogOperators.Bytes(static source => CloseType(source.IsUpstreamReset)),
            ["DOWNSTREAM_DETECTED_CLOSE_TYPE"] = AccessLogOperators.Bytes(static source => CloseType(source.IsDownstreamReset)),
            ["CONNECTION_ID"] = AccessLogOperators.Number(static source => source.ConnectionId),
            ["FILTER_CHAIN_NAME"] = AccessLogOperators.Bytes(static source => source.FilterChainName),
        }).ToDictionary(StringComparer.Ordinal);

    private static Dictionary<string, OperatorFactory> Addresses(params ReadOnlySpan<(string Name, BytesOf Read, AccessLogNeeds Needs)> ends)
    {
        var all = new Dictionary<string, OperatorFactory>(StringComparer.Ordinal);
        foreach (var (name, read, needs) in ends)
        {
            all.Add($"{name}_ADDRESS", AccessLogOperators.Plain(() => new BytesOperator(read, needs)));
            all.Add($"{name}_ADDRESS_WITHOUT_PORT", command => WithoutPort(command, read, needs));
            all.Add($"{name}_PORT", AccessLogOperators.Plain(() => new AddressOperator(read, AddressPart.Port, needs)));
        }

        return all;
    }

    private static AccessLogOperator WithoutPort(AccessLogCommand command, BytesOf read, AccessLogNeeds needs)
    {
        if (string.IsNullOrEmpty(command.Argument))
        {
            return new AddressOperator(read, AddressPart.WithoutPort, needs);
        }

        return int.TryParse(command.Argument, NumberStyles.None, CultureInfo.InvariantCulture, out var length) && length <= 128
            ? new MaskedAddressOperator(read, length, needs)
            : throw command.Wrong($"\"{command.Argument}\" is no length of a prefix; write a number from 0 to 128");
    }

    private static OperatorFactory Attempts(BytesOfAttempt read, AddressPart part) => AccessLogOperators.Plain(() => new AttemptsOperator(read, part));

    private static ReadOnlySpan<byte> CloseType(bool isReset) => isReset ? "RemoteReset"u8 : "Normal"u8;
}

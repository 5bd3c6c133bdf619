namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// The operators of Envoy that never have a value here, so that they show what Envoy shows in the same place: without tracing,
/// HTTP/3, metadata and filter state, that is <c>-</c>, 0 or nothing.
/// </summary>
internal static class AbsentOperators
{
    private static readonly string[] WithoutArgument =
    [
        "CONNECTION_TERMINATION_DETAILS", "TRACE_ID", "SPAN_ID", "DOWNSTREAM_HANDSHAKE_DURATION", "ROUNDTRIP_DURATION",
        "UPSTREAM_LOCAL_CLOSE_REASON", "DOWNSTREAM_LOCAL_CLOSE_REASON", "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
        "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID", "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID", "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID",
        "TLS_JA3_FINGERPRINT", "TLS_JA4_FINGERPRINT",
        "DOWNSTREAM_TLS_SESSION_ID", "UPSTREAM_TLS_SESSION_ID",
    ];

    private static readonly string[] WithArgument =
    [
        "DYNAMIC_METADATA", "CLUSTER_METADATA", "UPSTREAM_METADATA", "METADATA", "FILTER_STATE", "UPSTREAM_FILTER_STATE",
    ];

    // Counts of what does not happen: trailers are not kept, and TCP repeats packets by itself.
    private static readonly string[] Zero = ["BYTES_RETRANSMITTED", "PACKETS_RETRANSMITTED", "RESPONSE_TRAILERS_BYTES"];

    internal static IEnumerable<KeyValuePair<string, OperatorFactory>> All =>
    [
        .. WithoutArgument.Select(static name => Pair(name, AccessLogOperators.Plain(static () => new ConstantOperator(null)))),
        .. WithArgument.Select(static name => Pair(name, Looked)),
        .. Zero.Select(static name => Pair(name, AccessLogOperators.Number(static _ => 0))),

        // No filter sets any.
        Pair("CUSTOM_FLAGS", AccessLogOperators.Plain(static () => new ConstantOperator(""))),
    ];

    private static KeyValuePair<string, OperatorFactory> Pair(string name, OperatorFactory factory) => new(name, factory);

    private static ConstantOperator Looked(AccessLogCommand command) => string.IsNullOrEmpty(command.Argument)
        ? throw command.Wrong($"needs to say what to look up; write %{command.Name}(NAME)%")
        : new ConstantOperator(null);
}

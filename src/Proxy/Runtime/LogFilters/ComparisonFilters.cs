using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Runtime.LogFilters;

/// <summary>How two numbers are compared: Envoy's <c>ComparisonFilter.Op</c>.</summary>
public enum ComparisonOperation
{
    /// <summary>Equal.</summary>
    Equal,

    /// <summary>Greater or equal.</summary>
    AtLeast,

    /// <summary>Less or equal.</summary>
    AtMost,

    /// <summary>Not equal.</summary>
    NotEqual,
}

/// <summary>A comparison with a fixed number.</summary>
/// <param name="Operation">How.</param>
/// <param name="Value">With what.</param>
public readonly record struct Comparison(ComparisonOperation Operation, uint Value)
{
    /// <summary>True where it holds for the number.</summary>
    public bool Holds(long number) => Operation switch
    {
        ComparisonOperation.Equal => number == Value,
        ComparisonOperation.AtLeast => number >= Value,
        ComparisonOperation.AtMost => number <= Value,
        _ => number != Value,
    };
}

/// <summary><c>status_code_filter</c>: by the status of the response, 0 where none was begun.</summary>
/// <param name="comparison">The comparison.</param>
public sealed class StatusCodeFilter(Comparison comparison) : AccessLogFilter
{
    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) => comparison.Holds(exchange.ResponseCode);
}

/// <summary><c>duration_filter</c>: by the duration of the exchange in milliseconds.</summary>
/// <param name="comparison">The comparison.</param>
public sealed class DurationFilter(Comparison comparison) : AccessLogFilter
{
    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) => comparison.Holds(exchange.DurationMs);
}

/// <summary><c>response_flag_filter</c>: where one of the flags is set.</summary>
/// <param name="flags">Which; none for any.</param>
public sealed class ResponseFlagFilter(ResponseFlags flags) : AccessLogFilter
{
    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) =>
        flags == ResponseFlags.None ? exchange.ResponseFlags != ResponseFlags.None : (exchange.ResponseFlags & flags) != ResponseFlags.None;
}

/// <summary><c>grpc_status_filter</c>: by the gRPC status, UNKNOWN where there is none.</summary>
/// <param name="statuses">A bit for each of the statuses 0 to 16.</param>
/// <param name="exclude">True to record the others.</param>
public sealed class GrpcStatusFilter(uint statuses, bool exclude) : AccessLogFilter
{
    /// <inheritdoc/>
    public override AccessLogNeeds Needs => AccessLogNeeds.ResponseHead;

    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) =>
        ((GrpcStatus.Of(exchange) ?? GrpcStatus.Unknown) is >= 0 and < 32 and var status && (statuses & (1u << (int)status)) != 0) != exclude;
}

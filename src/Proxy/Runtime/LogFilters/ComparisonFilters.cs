using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.RuntimeLayers;

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

/// <summary>A comparison with a number.</summary>
/// <param name="Operation">How.</param>
/// <param name="Value">With what.</param>
/// <param name="Key">Key of the runtime whose value goes before that; empty for none.</param>
public readonly record struct Comparison(ComparisonOperation Operation, uint Value, string Key = "")
{
    /// <summary>True where it holds for the number.</summary>
    public bool Holds(long number, RuntimeValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var other = (long)Math.Min(values.IntegerOf(Key, Value), long.MaxValue);
        return Operation switch
        {
            ComparisonOperation.Equal => number == other,
            ComparisonOperation.AtLeast => number >= other,
            ComparisonOperation.AtMost => number <= other,
            _ => number != other,
        };
    }
}

/// <summary><c>status_code_filter</c>: by the status of the response, 0 where none was begun.</summary>
/// <param name="comparison">The comparison.</param>
public sealed class StatusCodeFilter(Comparison comparison) : AccessLogFilter
{
    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) => comparison.Holds(exchange.ResponseCode, exchange.RuntimeValues);
}

/// <summary><c>duration_filter</c>: by the duration of the exchange in milliseconds.</summary>
/// <param name="comparison">The comparison.</param>
public sealed class DurationFilter(Comparison comparison) : AccessLogFilter
{
    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) => comparison.Holds(exchange.DurationMs, exchange.RuntimeValues);
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
    public override AccessLogNeeds Needs => AccessLogNeeds.ResponseHead | AccessLogNeeds.ResponseTrailers;

    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) =>
        ((GrpcStatus.Of(exchange) ?? (long)GrpcCode.Unknown) is >= 0 and < 32 and var status && (statuses & (1u << (int)status)) != 0) != exclude;
}

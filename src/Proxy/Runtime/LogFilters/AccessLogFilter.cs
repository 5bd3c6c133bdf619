using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Runtime.LogFilters;

/// <summary>
/// Decides whether a finished exchange is recorded (Envoy API, <c>config.accesslog.v3.AccessLogFilter</c>). Compiled with the configuration;
/// deciding allocates nothing.
/// </summary>
public abstract class AccessLogFilter
{
    private protected AccessLogFilter()
    {
    }

    /// <summary>What must be kept of an exchange for the decision.</summary>
    public virtual AccessLogNeeds Needs => AccessLogNeeds.None;

    /// <summary>True where the exchange is to be recorded.</summary>
    /// <param name="exchange">What is known of it.</param>
    /// <param name="request">The request's headers as they went upstream, or as they came where it was not forwarded.</param>
    public abstract bool Records(IAccessLogSource exchange, RequestHead request);
}

/// <summary>The same for every exchange: <c>not_health_check_filter</c>, for there are no health check requests, and <c>log_type_filter</c>, for there is one type.</summary>
/// <param name="records">The decision.</param>
public sealed class FixedFilter(bool records) : AccessLogFilter
{
    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) => records;
}

/// <summary><c>and_filter</c>: where every part records.</summary>
/// <param name="parts">Asked in order, as long as it matters.</param>
public sealed class AllFilter(AccessLogFilter[] parts) : AccessLogFilter
{
    /// <inheritdoc/>
    public override AccessLogNeeds Needs { get; } = parts.Aggregate(AccessLogNeeds.None, static (needs, part) => needs | part.Needs);

    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request)
    {
        foreach (var part in parts)
        {
            if (!part.Records(exchange, request))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary><c>or_filter</c>: where any part records.</summary>
/// <param name="parts">Asked in order, as long as it matters.</param>
public sealed class AnyFilter(AccessLogFilter[] parts) : AccessLogFilter
{
    /// <inheritdoc/>
    public override AccessLogNeeds Needs { get; } = parts.Aggregate(AccessLogNeeds.None, static (needs, part) => needs | part.Needs);

    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request)
    {
        foreach (var part in parts)
        {
            if (part.Records(exchange, request))
            {
                return true;
            }
        }

        return false;
    }
}

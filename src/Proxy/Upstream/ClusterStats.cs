using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Upstream.Grpc;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>The statistics of one cluster under Envoy's names (Envoy documentation, "Cluster manager statistics").</summary>
internal sealed class ClusterStats
{
    private static readonly string[] ClassNames = ["upstream_rq_1xx", "upstream_rq_2xx", "upstream_rq_3xx", "upstream_rq_4xx", "upstream_rq_5xx"];
    private static readonly StatLayout Layout = StatLayout.Of(static block => _ = new ClusterStats(block));

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="cluster">The cluster's name in statistics.</param>
    /// <param name="protocol">What its endpoints may be spoken to in: without HTTP/2 there are no statistics of its connections.</param>
    public ClusterStats(StatRegistry registry, string cluster, UpstreamProtocol protocol = UpstreamProtocol.Http1)
        : this(registry.Block($"cluster.{cluster}.", Layout))
    {
        var prefix = $"cluster.{cluster}.";
        Http2 = protocol == UpstreamProtocol.Http1 ? Http2Stats.None : new Http2Stats(registry, prefix);
        Codes = new ResponseCodeCounters(registry, prefix + "upstream_rq_");
        Grpc = new GrpcClusterStats(registry, prefix);
    }

    // Names only: what is registered for every cluster.
    private ClusterStats(StatBlock block)
    {
        ConnectionsTotal = block.Counter("upstream_cx_total");
        ConnectionsActive = block.Gauge("upstream_cx_active");
        ConnectionsHttp1Total = block.Counter("upstream_cx_http1_total");
        ConnectionsHttp2Total = block.Counter("upstream_cx_http2_total");
        CloseNotify = block.Counter("upstream_cx_close_notify");
        MaxDurationReached = block.Counter("upstream_cx_max_duration_reached");
        RequestMaxDurationReached = block.Counter("upstream_rq_max_duration_reached");
        ConnectFail = block.Counter("upstream_cx_connect_fail");
        ConnectAttemptsExceeded = block.Counter("upstream_cx_connect_attempts_exceeded");
        ConnectTimeout = block.Counter("upstream_cx_connect_timeout");
        ConnectMs = block.Histogram("upstream_cx_connect_ms");
        ProtocolError = block.Counter("upstream_cx_protocol_error");
        DestroyRemoteWithActive = block.Counter("upstream_cx_destroy_remote_with_active_rq");
        DestroyLocalWithActive = block.Counter("upstream_cx_destroy_local_with_active_rq");
        IdleTimeout = block.Counter("upstream_cx_idle_timeout");
        MaxRequests = block.Counter("upstream_cx_max_requests");
        BytesReceived = block.Counter("upstream_cx_rx_bytes_total");
        BytesSent = block.Counter("upstream_cx_tx_bytes_total");
        RequestsTotal = block.Counter("upstream_rq_total");
        RequestsActive = block.Gauge("upstream_rq_active");
        RequestsCompleted = block.Counter("upstream_rq_completed");
        RequestTimeout = block.Counter("upstream_rq_timeout");
        RequestRetry = block.Counter("upstream_rq_retry");
        RequestRetrySuccess = block.Counter("upstream_rq_retry_success");
        RequestRetryLimitExceeded = block.Counter("upstream_rq_retry_limit_exceeded");
        RequestRetryOverflow = block.Counter("upstream_rq_retry_overflow");
        RetryBackOffExponential = block.Counter("upstream_rq_retry_backoff_exponential");
        RetryBackOffRateLimited = block.Counter("upstream_rq_retry_backoff_ratelimited");
        RetryOrShadowAbandoned = block.Counter("retry_or_shadow_abandoned");
        PerTryTimeout = block.Counter("upstream_rq_per_try_timeout");
        PerTryIdleTimeout = block.Counter("upstream_rq_per_try_idle_timeout");
        ConnectionOverflow = block.Counter("upstream_cx_overflow");
        PendingTotal = block.Counter("upstream_rq_pending_total");
        PendingOverflow = block.Counter("upstream_rq_pending_overflow");
        PendingActive = block.Gauge("upstream_rq_pending_active");
        RequestRemoteReset = block.Counter("upstream_rq_rx_reset");
        RequestLocalReset = block.Counter("upstream_rq_tx_reset");
        RequestMaintenanceMode = block.Counter("upstream_rq_maintenance_mode");
        RequestCancelled = block.Counter("upstream_rq_cancelled");
        InternalRedirectSucceeded = block.Counter("upstream_internal_redirect_succeeded_total");
        InternalRedirectFailed = block.Counter("upstream_internal_redirect_failed_total");
        NoneHealthy = block.Counter("upstream_cx_none_healthy");
        RequestTimeMs = block.Histogram("upstream_rq_time");
        MembershipTotal = block.Gauge("membership_total");
        MembershipHealthy = block.Gauge("membership_healthy");
        MembershipDegraded = block.Gauge("membership_degraded");
        MembershipExcluded = block.Gauge("membership_excluded");
        MembershipChange = block.Counter("membership_change");
        HealthyPanic = block.Counter("lb_healthy_panic");
        ByClass = [.. ClassNames.Select(block.Counter)];
        (Http2, Codes, Grpc) = (Http2Stats.None, null!, null!);
    }

    /// <summary>Calls of gRPC by method.</summary>
    public GrpcClusterStats Grpc { get; }

    public Counter ConnectionsTotal { get; }

    public Gauge ConnectionsActive { get; }

    public Counter ConnectionsHttp1Total { get; }

    public Counter ConnectionsHttp2Total { get; }

    /// <summary>Connections that the endpoint announced to close: by <c>Connection: close</c> or GOAWAY.</summary>
    public Counter CloseNotify { get; }

    /// <summary>Connections ended for their age, and requests.</summary>
    public Counter MaxDurationReached { get; }

    /// <inheritdoc cref="MaxDurationReached"/>
    public Counter RequestMaxDurationReached { get; }

    public Counter ConnectFail { get; }

    /// <summary>Connections of TCP proxies for which no endpoint was reached in as many attempts as are made.</summary>
    public Counter ConnectAttemptsExceeded { get; }

    public Counter ConnectTimeout { get; }

    public Histogram ConnectMs { get; }

    public Counter ProtocolError { get; }

    public Counter DestroyRemoteWithActive { get; }

    public Counter DestroyLocalWithActive { get; }

    public Counter IdleTimeout { get; }

    public Counter MaxRequests { get; }

    public Counter BytesReceived { get; }

    public Counter BytesSent { get; }

    public Counter RequestsTotal { get; }

    public Gauge RequestsActive { get; }

    public Counter RequestsCompleted { get; }

    public Counter RequestTimeout { get; }

    public Counter RequestRetry { get; }

    public Counter RequestRetrySuccess { get; }

    public Counter RequestRetryLimitExceeded { get; }

    public Counter RequestRetryOverflow { get; }

    public Counter RetryBackOffExponential { get; }

    public Counter RetryBackOffRateLimited { get; }

    public Counter RetryOrShadowAbandoned { get; }

    public Counter PerTryTimeout { get; }

    public Counter PerTryIdleTimeout { get; }

    public Counter ConnectionOverflow { get; }

    public Counter PendingTotal { get; }

    public Counter PendingOverflow { get; }

    public Gauge PendingActive { get; }

    public Counter RequestRemoteReset { get; }

    public Counter RequestLocalReset { get; }

    public Counter RequestCancelled { get; }

    /// <summary>Requests turned away because the cluster is in maintenance mode.</summary>
    public Counter RequestMaintenanceMode { get; }

    public Counter InternalRedirectSucceeded { get; }

    public Counter InternalRedirectFailed { get; }

    public Counter NoneHealthy { get; }

    public Histogram RequestTimeMs { get; }

    public Gauge MembershipTotal { get; }

    public Gauge MembershipHealthy { get; }

    public Gauge MembershipDegraded { get; }

    /// <summary>Endpoints that count for nothing: not checked yet, or asked to be left out.</summary>
    public Gauge MembershipExcluded { get; }

    public Counter MembershipChange { get; }

    /// <summary>Picks from a priority level in panic.</summary>
    public Counter HealthyPanic { get; }

    /// <summary>What HTTP/2 connections count; <see cref="Http2Stats.None"/> where there are none.</summary>
    public Http2Stats Http2 { get; }

    /// <summary>upstream_rq_1xx to upstream_rq_5xx.</summary>
    public Counter[] ByClass { get; }

    public ResponseCodeCounters Codes { get; }

    /// <summary>Counts a response by its class and its code; codes from 600 on count by code alone.</summary>
    public void CountResponse(StatPage page, int status)
    {
        page.Increment(RequestsCompleted);
        if (status < 600)
        {
            page.Increment(ByClass[(status / 100) - 1]);
        }

        page.Increment(Codes.For(status));
    }
}

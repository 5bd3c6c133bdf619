using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Upstream.Grpc;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>The statistics of one cluster under Envoy's names (Envoy documentation, "Cluster manager statistics").</summary>
internal sealed class ClusterStats
{
    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="cluster">The cluster's name in statistics.</param>
    /// <param name="protocol">What its endpoints may be spoken to in: without HTTP/2 there are no statistics of its connections.</param>
    public ClusterStats(StatRegistry registry, string cluster, UpstreamProtocol protocol = UpstreamProtocol.Http1)
    {
        var prefix = $"cluster.{cluster}.";
        ConnectionsTotal = registry.Counter(prefix + "upstream_cx_total");
        ConnectionsActive = registry.Gauge(prefix + "upstream_cx_active");
        ConnectionsHttp1Total = registry.Counter(prefix + "upstream_cx_http1_total");
        ConnectionsHttp2Total = registry.Counter(prefix + "upstream_cx_http2_total");
        CloseNotify = registry.Counter(prefix + "upstream_cx_close_notify");
        MaxDurationReached = registry.Counter(prefix + "upstream_cx_max_duration_reached");
        RequestMaxDurationReached = registry.Counter(prefix + "upstream_rq_max_duration_reached");
        ConnectFail = registry.Counter(prefix + "upstream_cx_connect_fail");
        ConnectAttemptsExceeded = registry.Counter(prefix + "upstream_cx_connect_attempts_exceeded");
        ConnectTimeout = registry.Counter(prefix + "upstream_cx_connect_timeout");
        ConnectMs = registry.Histogram(prefix + "upstream_cx_connect_ms");
        ProtocolError = registry.Counter(prefix + "upstream_cx_protocol_error");
        DestroyRemoteWithActive = registry.Counter(prefix + "upstream_cx_destroy_remote_with_active_rq");
        DestroyLocalWithActive = registry.Counter(prefix + "upstream_cx_destroy_local_with_active_rq");
        IdleTimeout = registry.Counter(prefix + "upstream_cx_idle_timeout");
        MaxRequests = registry.Counter(prefix + "upstream_cx_max_requests");
        BytesReceived = registry.Counter(prefix + "upstream_cx_rx_bytes_total");
        BytesSent = registry.Counter(prefix + "upstream_cx_tx_bytes_total");
        RequestsTotal = registry.Counter(prefix + "upstream_rq_total");
        RequestsActive = registry.Gauge(prefix + "upstream_rq_active");
        RequestsCompleted = registry.Counter(prefix + "upstream_rq_completed");
        RequestTimeout = registry.Counter(prefix + "upstream_rq_timeout");
        RequestRetry = registry.Counter(prefix + "upstream_rq_retry");
        RequestRetrySuccess = registry.Counter(prefix + "upstream_rq_retry_success");
        RequestRetryLimitExceeded = registry.Counter(prefix + "upstream_rq_retry_limit_exceeded");
        RequestRetryOverflow = registry.Counter(prefix + "upstream_rq_retry_overflow");
        RetryBackOffExponential = registry.Counter(prefix + "upstream_rq_retry_backoff_exponential");
        RetryBackOffRateLimited = registry.Counter(prefix + "upstream_rq_retry_backoff_ratelimited");
        RetryOrShadowAbandoned = registry.Counter(prefix + "retry_or_shadow_abandoned");
        PerTryTimeout = registry.Counter(prefix + "upstream_rq_per_try_timeout");
        PerTryIdleTimeout = registry.Counter(prefix + "upstream_rq_per_try_idle_timeout");
        ConnectionOverflow = registry.Counter(prefix + "upstream_cx_overflow");
        PendingTotal = registry.Counter(prefix + "upstream_rq_pending_total");
        PendingOverflow = registry.Counter(prefix + "upstream_rq_pending_overflow");
        PendingActive = registry.Gauge(prefix + "upstream_rq_pending_active");
        RequestRemoteReset = registry.Counter(prefix + "upstream_rq_rx_reset");
        RequestLocalReset = registry.Counter(prefix + "upstream_rq_tx_reset");
        RequestMaintenanceMode = registry.Counter(prefix + "upstream_rq_maintenance_mode");
        RequestCancelled = registry.Counter(prefix + "upstream_rq_cancelled");
        InternalRedirectSucceeded = registry.Counter(prefix + "upstream_internal_redirect_succeeded_total");
        InternalRedirectFailed = registry.Counter(prefix + "upstream_internal_redirect_failed_total");
        NoneHealthy = registry.Counter(prefix + "upstream_cx_none_healthy");
        RequestTimeMs = registry.Histogram(prefix + "upstream_rq_time");
        MembershipTotal = registry.Gauge(prefix + "membership_total");
        MembershipHealthy = registry.Gauge(prefix + "membership_healthy");
        MembershipDegraded = registry.Gauge(prefix + "membership_degraded");
        MembershipExcluded = registry.Gauge(prefix + "membership_excluded");
        MembershipChange = registry.Counter(prefix + "membership_change");
        HealthyPanic = registry.Counter(prefix + "lb_healthy_panic");
        Http2 = protocol == UpstreamProtocol.Http1 ? Http2Stats.None : new Http2Stats(registry, prefix);
        ByClass = [.. Enumerable.Range(1, 5).Select(hundreds => registry.Counter($"{prefix}upstream_rq_{hundreds}xx"))];
        Codes = new ResponseCodeCounters(registry, prefix + "upstream_rq_");
        Grpc = new GrpcClusterStats(registry, prefix);
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

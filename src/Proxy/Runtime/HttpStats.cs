using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>Statistics of an HTTP connection manager under Envoy's names (Envoy documentation, "HTTP connection manager statistics").</summary>
internal sealed class HttpStats
{
    public HttpStats(StatRegistry registry, string statPrefix)
    {
        var prefix = $"http.{statPrefix}.";
        ConnectionsTotal = registry.Counter(prefix + "downstream_cx_total");
        ConnectionsActive = registry.Gauge(prefix + "downstream_cx_active");
        ConnectionsHttp1Total = registry.Counter(prefix + "downstream_cx_http1_total");
        ConnectionsHttp1Active = registry.Gauge(prefix + "downstream_cx_http1_active");
        ConnectionsHttp2Total = registry.Counter(prefix + "downstream_cx_http2_total");
        ConnectionsHttp2Active = registry.Gauge(prefix + "downstream_cx_http2_active");
        ConnectionsIdleTimeout = registry.Counter(prefix + "downstream_cx_idle_timeout");
        ConnectionsDrainClose = registry.Counter(prefix + "downstream_cx_drain_close");
        ConnectionsProtocolError = registry.Counter(prefix + "downstream_cx_protocol_error");
        ConnectionsDestroyRemoteActive = registry.Counter(prefix + "downstream_cx_destroy_remote_active_rq");
        UpgradesTotal = registry.Counter(prefix + "downstream_cx_upgrades_total");
        UpgradesActive = registry.Gauge(prefix + "downstream_cx_upgrades_active");
        ConnectionsMaxDuration = registry.Counter(prefix + "downstream_cx_max_duration_reached");
        RequestsMaxDuration = registry.Counter(prefix + "downstream_rq_max_duration_reached");
        OverloadDisabledKeepAlive = registry.Counter(prefix + "downstream_cx_overload_disable_keepalive");
        RequestsOverloadClose = registry.Counter(prefix + "downstream_rq_overload_close");
        RequestsSlowClient = registry.Counter(prefix + "downstream_rq_slow_client");
        BytesReceived = registry.Counter(prefix + "downstream_cx_rx_bytes_total");
        BytesSent = registry.Counter(prefix + "downstream_cx_tx_bytes_total");
        RequestsTotal = registry.Counter(prefix + "downstream_rq_total");
        RequestsHttp1Total = registry.Counter(prefix + "downstream_rq_http1_total");
        RequestsHttp2Total = registry.Counter(prefix + "downstream_rq_http2_total");
        RequestsTooManyPrematureResets = registry.Counter(prefix + "downstream_rq_too_many_premature_resets");
        RequestsActive = registry.Gauge(prefix + "downstream_rq_active");
        RequestsCompleted = registry.Counter(prefix + "downstream_rq_completed");
        RequestsTimeout = registry.Counter(prefix + "downstream_rq_timeout");
        RequestsHeaderTimeout = registry.Counter(prefix + "downstream_rq_header_timeout");
        RequestsIdleTimeout = registry.Counter(prefix + "downstream_rq_idle_timeout");
        RequestsRxReset = registry.Counter(prefix + "downstream_rq_rx_reset");
        RequestsTooLarge = registry.Counter(prefix + "downstream_rq_too_large");
        ResponsesTooLarge = registry.Counter(prefix + "rs_too_large");
        RequestsFailedPathNormalization = registry.Counter(prefix + "downstream_rq_failed_path_normalization");
        RequestsRedirectedWithNormalizedPath = registry.Counter(prefix + "downstream_rq_redirected_with_normalized_path");

        // Envoy counts what its codec does for all connection managers together.
        RequestsRejectedWithUnderscores = registry.Counter("http1.requests_rejected_with_underscores_in_headers");
        DroppedHeadersWithUnderscores = registry.Counter("http1.dropped_headers_with_underscores");
        Http2 = new Http2Stats(registry, "");
        NoRoute = registry.Counter(prefix + "no_route");
        NoCluster = registry.Counter(prefix + "no_cluster");
        Redirects = new RedirectStats(registry, prefix);
        RequestTimeMs = registry.Histogram(prefix + "downstream_rq_time");
        ByClass = [.. Enumerable.Range(1, 5).Select(hundreds => registry.Counter($"{prefix}downstream_rq_{hundreds}xx"))];
    }

    public Counter ConnectionsTotal { get; }

    public Gauge ConnectionsActive { get; }

    public Counter ConnectionsHttp1Total { get; }

    public Gauge ConnectionsHttp1Active { get; }

    public Counter ConnectionsHttp2Total { get; }

    public Gauge ConnectionsHttp2Active { get; }

    public Counter ConnectionsIdleTimeout { get; }

    public Counter ConnectionsDrainClose { get; }

    public Counter ConnectionsProtocolError { get; }

    public Counter ConnectionsDestroyRemoteActive { get; }

    public Counter UpgradesTotal { get; }

    public Gauge UpgradesActive { get; }

    public Counter ConnectionsMaxDuration { get; }

    public Counter RequestsMaxDuration { get; }

    public Counter OverloadDisabledKeepAlive { get; }

    public Counter RequestsOverloadClose { get; }

    /// <summary>Clients that were below the minimum rates. Envoy has no such name.</summary>
    public Counter RequestsSlowClient { get; }

    public Counter BytesReceived { get; }

    public Counter BytesSent { get; }

    public Counter RequestsTotal { get; }

    public Counter RequestsHttp1Total { get; }

    public Counter RequestsHttp2Total { get; }

    /// <summary>Connections ended because their client reset its streams early too often.</summary>
    public Counter RequestsTooManyPrematureResets { get; }

    public Gauge RequestsActive { get; }

    public Counter RequestsCompleted { get; }

    public Counter RequestsTimeout { get; }

    public Counter RequestsHeaderTimeout { get; }

    public Counter RequestsIdleTimeout { get; }

    public Counter RequestsRxReset { get; }

    public Counter RequestsTooLarge { get; }

    /// <summary>Responses answered by an error since they were longer than may be held.</summary>
    public Counter ResponsesTooLarge { get; }

    public Counter RequestsFailedPathNormalization { get; }

    public Counter RequestsRedirectedWithNormalizedPath { get; }

    public Counter RequestsRejectedWithUnderscores { get; }

    public Counter DroppedHeadersWithUnderscores { get; }

    /// <summary>What HTTP/2 connections count, those of all connection managers together.</summary>
    public Http2Stats Http2 { get; }

    public Counter NoRoute { get; }

    public Counter NoCluster { get; }

    public RedirectStats Redirects { get; }

    public Histogram RequestTimeMs { get; }

    /// <summary>downstream_rq_1xx to downstream_rq_5xx.</summary>
    public Counter[] ByClass { get; }
}

/// <summary>Statistics of a listener under Envoy's names (Envoy documentation, "Listener statistics").</summary>
internal sealed class ListenerStats(StatRegistry registry, string address)
{
    public Counter ConnectionsTotal { get; } = registry.Counter($"listener.{address}.downstream_cx_total");

    public Gauge ConnectionsActive { get; } = registry.Gauge($"listener.{address}.downstream_cx_active");

    public Counter GlobalConnectionsOverflow { get; } = registry.Counter($"listener.{address}.downstream_global_cx_overflow");

    /// <summary>Connections whose source has as many on the listener as it may have.</summary>
    public Counter SourceConnectionsOverflow { get; } = registry.Counter($"listener.{address}.downstream_cx_source_overflow");

    /// <summary>Connections whose source has as many on all listeners as it may have.</summary>
    public Counter GlobalSourceConnectionsOverflow { get; } = registry.Counter($"listener.{address}.downstream_global_cx_source_overflow");

    /// <summary>Connections that were accepted though no count is kept of their source, for there are too many sources.</summary>
    public Counter SourceConnectionsUncounted { get; } = registry.Counter($"listener.{address}.downstream_cx_source_uncounted");

    public Counter ConnectionsOverloadReject { get; } = registry.Counter($"listener.{address}.downstream_cx_overload_reject");

    /// <summary>Connections for which no filter chain is.</summary>
    public Counter NoFilterChainMatch { get; } = registry.Counter($"listener.{address}.no_filter_chain_match");

    /// <summary>Connections that wait for their filter chain.</summary>
    public Gauge PreConnectionsActive { get; } = registry.Gauge($"listener.{address}.downstream_pre_cx_active");

    /// <summary>Connections on which the listener filters did not see enough in time.</summary>
    public Counter PreConnectionsTimeout { get; } = registry.Counter($"listener.{address}.downstream_pre_cx_timeout");

    /// <summary>Connections that broke while listener filters looked at them.</summary>
    public Counter ListenerFilterError { get; } = registry.Counter($"listener.{address}.downstream_listener_filter_error");

    /// <summary>Connections that their client closed while listener filters looked at them.</summary>
    public Counter ListenerFilterRemoteClose { get; } = registry.Counter($"listener.{address}.downstream_listener_filter_remote_close");

    /// <summary>Connections whose transport was not ready in time.</summary>
    public Counter TransportSocketConnectTimeout { get; } = registry.Counter($"listener.{address}.downstream_cx_transport_socket_connect_timeout");

    public Counter ConnectionsOverflow { get; } = registry.Counter($"listener.{address}.downstream_cx_overflow");
}

using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>Statistics of a TCP proxy filter under Envoy's names (Envoy documentation, "TCP proxy", Statistics).</summary>
internal sealed class TcpProxyStats(StatRegistry registry, string statPrefix)
{
    public Counter ConnectionsTotal { get; } = registry.Counter($"tcp.{statPrefix}.downstream_cx_total");

    public Counter ConnectionsNoRoute { get; } = registry.Counter($"tcp.{statPrefix}.downstream_cx_no_route");

    public Counter BytesReceived { get; } = registry.Counter($"tcp.{statPrefix}.downstream_cx_rx_bytes_total");

    public Counter BytesSent { get; } = registry.Counter($"tcp.{statPrefix}.downstream_cx_tx_bytes_total");

    /// <summary>How often a client was no longer read because its endpoint took nothing.</summary>
    public Counter FlowControlPaused { get; } = registry.Counter($"tcp.{statPrefix}.downstream_flow_control_paused_reading_total");

    public Counter FlowControlResumed { get; } = registry.Counter($"tcp.{statPrefix}.downstream_flow_control_resumed_reading_total");

    public Counter IdleTimeout { get; } = registry.Counter($"tcp.{statPrefix}.idle_timeout");

    public Counter MaxDuration { get; } = registry.Counter($"tcp.{statPrefix}.max_downstream_connection_duration");

    /// <summary>Connections that went on only to give the endpoint what their client had sent before it closed.</summary>
    public Counter UpstreamFlushTotal { get; } = registry.Counter($"tcp.{statPrefix}.upstream_flush_total");

    public Gauge UpstreamFlushActive { get; } = registry.Gauge($"tcp.{statPrefix}.upstream_flush_active");
}

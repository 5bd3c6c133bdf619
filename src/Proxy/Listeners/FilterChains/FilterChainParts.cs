using System.Collections.Immutable;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>What the workers share of a filter chain, to make the state of each from.</summary>
internal sealed class FilterChainParts
{
    private readonly FilterChainConfig _config;
    private readonly ListenerStats _listener;
    private readonly DownstreamConnectionLimit _connections;
    private readonly Counter? _limited;
    private readonly HttpStats? _http;
    private readonly TcpProxyStats? _tcp;

    public FilterChainParts(FilterChainConfig config, StatRegistry registry, FilterChainLimits limits, ListenerStats listener, int index)
    {
        _config = config;
        _listener = listener;
        _connections = limits.Of(config.Name, index);
        _connections.Limit = config.MaxConnections;
        if (config.MaxConnections > 0)
        {
            var prefix = $"connection_limit.{config.ConnectionLimitStatPrefix}.";
            var connections = _connections;
            _limited = registry.Counter(prefix + "limited_connections");
            registry.Observe(prefix + "active_connections", () => connections.Open);
        }

        _http = config.Http is { } http ? new HttpStats(registry, http.StatPrefix) : null;
        _tcp = config.TcpProxy is { } tcp ? new TcpProxyStats(registry, tcp.StatPrefix) : null;
    }

    /// <summary>The state for one worker.</summary>
    /// <param name="sinks">Opens access logs for that worker.</param>
    public FilterChainState StateFor(Func<ImmutableArray<AccessLogConfig>, ImmutableArray<AccessLogSink>> sinks) => new(_config)
    {
        Connections = _connections,
        LimitedConnections = _limited,
        Http = _config.Http is { } http ? new HttpConnectionManagerState(http, _http!, _listener, sinks(http.AccessLogs)) { Connections = _connections } : null,
        TcpProxy = _config.TcpProxy is { } tcp ? new TcpProxyState(tcp, _tcp!, _listener, sinks(tcp.AccessLogs)) { Connections = _connections } : null,
    };
}

using System.Collections.Immutable;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Runtime.HttpFilters;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>What the workers share of a filter chain, to make the state of each from.</summary>
internal sealed class FilterChainParts
{
    private readonly FilterChainConfig _config;
    private readonly ListenerStats _listener;
    private readonly DownstreamConnectionLimit _connections;
    private readonly Counter? _limited;
    private readonly DownstreamTls? _tls;
    private readonly HttpStats? _http;
    private readonly SessionStats?[] _sessions = [];
    private readonly TcpProxyStats? _tcp;

    public FilterChainParts(FilterChainConfig config, StatRegistry registry, FilterChainLimits limits, ListenerStats listener, DownstreamTls? tls, int index)
    {
        _tls = tls;
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

        if (config.Http is { } http)
        {
            _http = new HttpStats(registry, http.StatPrefix);
            _sessions = http.Filters.Any(static filter => filter is StatefulSessionConfig { StatPrefix.Length: > 0 })
                ? [.. http.Filters.Select(filter => filter is StatefulSessionConfig session ? SessionStats.Of(session, registry, http.StatPrefix) : null)]
                : [];
        }

        _tcp = config.TcpProxy is { } tcp ? new TcpProxyStats(registry, tcp.StatPrefix) : null;
    }

    /// <summary>The state for one worker.</summary>
    /// <param name="sinks">Opens access logs for that worker.</param>
    public FilterChainState StateFor(Func<ImmutableArray<AccessLogConfig>, ImmutableArray<AccessLogSink>> sinks) => new(_config)
    {
        Connections = _connections,
        LimitedConnections = _limited,
        Tls = _tls,
        Http = _config.Http is { } http ? new HttpConnectionManagerState(http, _http!, _listener, sinks(http.AccessLogs)) { Connections = _connections, SessionStats = _sessions } : null,
        TcpProxy = _config.TcpProxy is { } tcp ? new TcpProxyState(tcp, _tcp!, _listener, sinks(tcp.AccessLogs)) { Connections = _connections } : null,
    };
}

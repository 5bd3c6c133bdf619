using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.ConnectionLimit.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>A filter chain as translated.</summary>
/// <param name="Config">Settings.</param>
/// <param name="RoutesSource">Where its discovered routes come from; null where it asks for none.</param>
/// <param name="Tls">TLS towards the client, before secrets are in place; null for plain text.</param>
internal sealed record TranslatedFilterChain(FilterChainConfig Config, ConfigSource? RoutesSource, DownstreamTlsPlan? Tls);

/// <summary>The listener that filter chains are read for.</summary>
/// <param name="Sockets">The circumstances in which its transport sockets are read.</param>
/// <param name="BufferLimit">Its <c>per_connection_buffer_limit_bytes</c>; null for the default.</param>
internal sealed record ListenerReading(SocketReading Sockets, uint? BufferLimit);

/// <summary>Turns a filter chain into what the engine runs: a transport and one network filter, which may have a limit of connections before it.</summary>
internal static class FilterChainTranslator
{
    /// <summary>The chain; null where it cannot be used, which <paramref name="problems"/> then tells.</summary>
    /// <param name="message">A message that passed the checks of its schema.</param>
    /// <param name="listener">What the chain belongs to.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where it stands.</param>
    public static TranslatedFilterChain? Translate(FilterChain message, ListenerReading listener, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        var match = FilterChainMatchTranslator.Translate(message.FilterChainMatch, problems, path.Field("filter_chain_match"));
        ConnectionLimit? limit = null;
        var hasLimit = message.Filters.Count == 2 && message.Filters[0].TypedConfig is { } first && first.TryUnpack(out limit);
        var last = hasLimit ? 1 : 0;
        HttpConnectionManager? manager = null;
        if (message.Filters.Count == last + 1)
        {
            message.Filters[last].TypedConfig?.TryUnpack(out manager);
        }

        var sockets = listener.Sockets with { OffersHttp2 = manager?.CodecType != HttpConnectionManager.Types.CodecType.Http1 };
        var tls = TransportSocketTranslator.Downstream(message.TransportSocket, sockets, problems, path.Field("transport_socket"));
        var config = new FilterChainConfig
        {
            Name = message.Name,
            Match = match,
            TransportSocketConnectTimeout = ResourceTimeouts.Bounded(message.TransportSocketConnectTimeout?.ToTimeSpan() ?? TimeSpan.Zero),
            MaxConnections = (int)Math.Min(limit?.MaxConnections ?? 0UL, int.MaxValue),
            ConnectionLimitStatPrefix = limit?.StatPrefix ?? "",
        };
        var at = path.Field("filters").Index(last).Field("typed_config");
        if (message.Filters.Count == last + 1 && message.Filters[last].TypedConfig is { } any)
        {
            if (manager is not null)
            {
                var http = HttpConnectionManagerTranslator.Translate(manager, listener.BufferLimit, problems, at);
                return http is null || problems.Found.Count > before
                    ? null
                    : new TranslatedFilterChain(config with { Http = http with { FilterChainName = message.Name } }, manager.Rds?.ConfigSource, tls);
            }

            if (any.TryUnpack<TcpProxy>(out var proxy))
            {
                var tcp = TcpProxyTranslator.Translate(proxy, problems, at);
                return problems.Found.Count > before ? null : new TranslatedFilterChain(config with { TcpProxy = tcp with { FilterChainName = message.Name } }, null, tls);
            }
        }

        problems.Add(
            path.Field("filters"),
            "a filter chain consists of one envoy.filters.network.http_connection_manager or envoy.filters.network.tcp_proxy, with an envoy.filters.network.connection_limit before it at most",
            "keep only those filters");
        return null;
    }
}

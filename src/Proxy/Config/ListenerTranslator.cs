using System.Net;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.ConnectionLimit.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Xds.Validation;
using SocketAddress = Envoy.Config.Core.V3.SocketAddress;

namespace KubeProxyNet.Proxy.Config;

/// <summary>A listener as translated, before its routes are known.</summary>
/// <param name="Config">Settings.</param>
/// <param name="RoutesTimeout">How long its discovered routes are waited for; infinite for as long as it takes.</param>
internal sealed record TranslatedListener(ListenerConfig Config, TimeSpan RoutesTimeout)
{
    /// <summary>TLS of each filter chain, in the order of <c>ListenerConfig.AllFilterChains</c>; null for plain text.</summary>
    public IReadOnlyList<DownstreamTlsPlan?> Tls { get; init; } = [];

    /// <summary>The settings with the secrets that there are.</summary>
    public ListenerConfig ConfigWith(ISecrets secrets) => Config;
}

/// <summary>Turns a listener into what the engine runs: today one filter chain with an HTTP connection manager, in plain text.</summary>
internal static class ListenerTranslator
{
    /// <summary>The listener; null where it cannot be used, which <paramref name="problems"/> then tells.</summary>
    public static TranslatedListener? Translate(Listener message, TranslationProblems problems, DateTimeOffset? now = null)
    {
        var before = problems.Found.Count;
        var address = AddressOf(message, problems);
        var manager = ManagerOf(message, problems);
        if (manager is not { } found || address is null)
        {
            return null;
        }

        var http = HttpConnectionManagerTranslator.Translate(found.Manager, problems, found.Path);
        return http is null || problems.Found.Count > before
            ? null
            : new TranslatedListener(
                new ListenerConfig
                {
                    Name = message.Name,
                    Address = address,
                    IsIpv4Compatible = message.Address.SocketAddress.Ipv4Compat,
                    StatPrefix = message.StatPrefix,
                    MaxConnections = (int)Math.Min(found.Limit?.MaxConnections ?? 0UL, int.MaxValue),
                    ConnectionLimitStatPrefix = found.Limit?.StatPrefix ?? "",
                    IgnoresGlobalConnectionLimit = message.IgnoreGlobalConnLimit,
                    Http = http with { FilterChainName = message.FilterChains[0].Name },
                },
                ResourceTimeouts.InitialFetch(found.Manager.Rds?.ConfigSource));
    }

    private static SocketEndpoint? AddressOf(Listener message, TranslationProblems problems)
    {
        var path = ConfigPath.Root.Field("address").Field("socket_address");
        if (message.Address?.SocketAddress is not { Protocol: SocketAddress.Types.Protocol.Tcp } socket)
        {
            problems.Add(ConfigPath.Root.Field("address"), "only TCP socket addresses are supported", "use socket_address with address and port_value");
            return null;
        }

        if (IPAddress.TryParse(socket.Address, out var address))
        {
            return new SocketEndpoint(address, (int)socket.PortValue);
        }

        problems.Add(path.Field("address"), $"\"{socket.Address}\" is no IP address", "write an IP address such as 0.0.0.0");
        return null;
    }

    private static (HttpConnectionManager Manager, ConfigPath Path, ConnectionLimit? Limit)? ManagerOf(Listener message, TranslationProblems problems)
    {
        var chains = ConfigPath.Root.Field("filter_chains");
        if (message.FilterChains.Count != 1)
        {
            problems.Add(chains, $"there are {message.FilterChains.Count} filter chains, one is supported", "keep one filter chain");
            return null;
        }

        var chain = message.FilterChains[0];
        var path = chains.Index(0);
        if (chain.FilterChainMatch is { } match && match.CalculateSize() > 0)
        {
            problems.Add(path.Field("filter_chain_match"), "a choice between filter chains is not supported", "remove it");
        }

        if (chain.TransportSocket is { } socket && socket.TypedConfig?.TypeUrl.EndsWith(".RawBuffer", StringComparison.Ordinal) != true)
        {
            problems.Add(path.Field("transport_socket"), "only plain text listeners are supported", "remove it, or use raw_buffer");
        }

        ConnectionLimit? limit = null;
        var hasLimit = chain.Filters.Count == 2 && chain.Filters[0].TypedConfig is { } first && first.TryUnpack(out limit);
        var last = hasLimit ? 1 : 0;
        if (chain.Filters.Count == last + 1 && chain.Filters[last].TypedConfig is { } any && any.TryUnpack<HttpConnectionManager>(out var manager))
        {
            return (manager, path.Field("filters").Index(last).Field("typed_config"), limit);
        }

        problems.Add(
            path.Field("filters"),
            "a filter chain consists of one envoy.filters.network.http_connection_manager, with an envoy.filters.network.connection_limit before it at most",
            "keep only those filters");
        return null;
    }
}

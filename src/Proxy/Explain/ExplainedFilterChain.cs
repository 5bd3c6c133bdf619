using System.Globalization;
using System.Net;
using System.Text;
using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Explain;

/// <summary>Which filter chain of a listener takes the connection of a request: that of a client on this machine, for an https URL with its host as server name.</summary>
internal static class ExplainedFilterChain
{
    /// <summary>The chain, null for none, and what to call it, which is empty where there is no choice.</summary>
    public static (FilterChainConfig? Chain, string Name) Of(ListenerConfig listener, ExplainRequest request)
    {
        if (listener is { FilterChains: [var only], DefaultFilterChain: null } && only.Match == FilterChainMatch.Any)
        {
            return (only, only.Name);
        }

        var table = FilterChainTable.Build([.. listener.FilterChains.Select(static chain => chain.Match)], out _);
        var address = listener.Address.Address;
        var isAny = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        var local = listener.Address.Path is not null ? listener.Address : new SocketEndpoint(isAny ? IPAddress.Loopback : address, listener.Address.Port == 0 ? request.Port : listener.Address.Port);
        var seesTls = request.IsTls && listener.ListenerFilters.Any(static filter => filter is TlsInspectorConfig);
        var index = table?.Find(new ConnectionFacts
        {
            Destination = local,
            Source = local.Path is not null ? local : new SocketEndpoint(local.Address, 1),
            ServerName = seesTls ? Encoding.UTF8.GetBytes(HostOf(request)) : [],
            TransportProtocol = seesTls ? "tls"u8 : default,
        }) ?? -1;
        return index < 0
            ? (listener.DefaultFilterChain, listener.DefaultFilterChain is null ? "" : $"{listener.DefaultFilterChain.Name} (the default)".TrimStart())
            : (listener.FilterChains[index], listener.FilterChains[index].Name is { Length: > 0 } name ? name : string.Create(CultureInfo.InvariantCulture, $"filter_chains[{index}]"));
    }

    /// <summary>What becomes of a connection whose requests nobody looks at.</summary>
    public static string WhyNoRequest(FilterChainConfig? chain, ExplainRequest request) => chain?.TcpProxy is { } tcp
        ? $"the connection goes on as bytes to {string.Join(" or ", tcp.Clusters.Select(static cluster => cluster.Name))}; its requests are not looked at"
        : $"no filter chain is for this connection, and it is closed; {(request.IsTls ? $"its server name is {HostOf(request)}" : "it is plain text; write https:// for TLS")}";

    private static string HostOf(ExplainRequest request) =>
        Encoding.UTF8.GetString(DomainTable.WithoutPort(Encoding.UTF8.GetBytes(request.Authority))).ToLowerInvariant();
}

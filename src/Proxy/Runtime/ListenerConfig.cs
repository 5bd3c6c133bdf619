using System.Collections.Immutable;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>A listener: an address and what serves its connections. A record whose equality decides whether the sockets stay open.</summary>
public sealed record ListenerConfig
{
    /// <summary>Name, unique in a snapshot.</summary>
    public required string Name { get; init; }

    /// <summary>Address and port to bind, or the path of a Unix domain socket; port 0 takes a free one.</summary>
    public required SocketEndpoint Address { get; init; }

    /// <summary>True for an IPv6 address that takes IPv4 connections as well; false by default, as in Envoy.</summary>
    public bool IsIpv4Compatible { get; init; }

    /// <summary>Mode of the file of a Unix domain socket, as chmod(2); 0, the default, for what the umask leaves of it.</summary>
    public uint PipeMode { get; init; }

    /// <summary>Name in statistics; empty for the address with ':' replaced by '_'.</summary>
    public string StatPrefix { get; init; } = "";

    /// <summary>True to leave the listener's connections out of the limit on all of them: for one that must answer whatever happens.</summary>
    public bool IgnoresGlobalConnectionLimit { get; init; }

    /// <summary>Most connections of a source on this listener; null (the default) for no limit.</summary>
    public SourceConnectionLimit? SourceConnections { get; init; }

    /// <summary>What serves the connections; each goes to the one whose match fits it best. No two have the same match.</summary>
    public required ImmutableArray<FilterChainConfig> FilterChains { get; init; }

    /// <summary>What serves connections that fit none of <see cref="FilterChains"/>; null (the default) to close them.</summary>
    public FilterChainConfig? DefaultFilterChain { get; init; }

    /// <summary>What looks at the first bytes of a connection before its filter chain is chosen, in order; none by default.</summary>
    public ImmutableArray<ListenerFilterConfig> ListenerFilters { get; init; } = [];

    /// <summary>Longest wait for what the listener filters look at; 15 s by default, zero for none.</summary>
    public TimeSpan ListenerFiltersTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>True to choose a filter chain by what is known after <see cref="ListenerFiltersTimeout"/>; false (the default) to close the connection.</summary>
    public bool ContinueOnListenerFiltersTimeout { get; init; }

    /// <summary>Every filter chain, the default one last.</summary>
    public IEnumerable<FilterChainConfig> AllFilterChains => DefaultFilterChain is null ? FilterChains : FilterChains.Append(DefaultFilterChain);
}

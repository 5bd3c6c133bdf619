using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>
/// Keeps the requests of a TLS connection to the names of its filter chain: a request for a name that another chain is for would pass by that chain's demands,
/// such as a client certificate. It gets 421 (RFC 9110 section 15.5.20). Names that no chain asks for are left to the routes, unless the chain that would have
/// taken them judges clients otherwise.
/// </summary>
internal sealed class AuthorityGuard(ListenerState listener, FilterChainState chain, SocketEndpoint local, SocketEndpoint remote, byte[] protocols)
{
    private const int LongestName = 255;

    private byte[] _lastAccepted = [];

    /// <summary>True where a request for this authority belongs to another filter chain.</summary>
    public bool IsMisdirected(ReadOnlySpan<byte> authority)
    {
        if (authority.SequenceEqual(_lastAccepted))
        {
            return false;
        }

        var colon = authority.LastIndexOf((byte)':');
        var host = colon >= 0 && authority[^1] != (byte)']' ? authority[..colon] : authority;
        host = host.EndsWith("."u8) ? host[..^1] : host;
        Span<byte> name = stackalloc byte[LongestName];
        if (host.IsEmpty || host.Length > LongestName)
        {
            // No name is that long, though a route's wildcard would take it.
            return !host.IsEmpty;
        }

        for (var i = 0; i < host.Length; i++)
        {
            name[i] = host[i] is >= (byte)'A' and <= (byte)'Z' ? (byte)(host[i] | 0x20) : host[i];
        }

        var chosen = listener.Choose(new ConnectionFacts
        {
            Destination = local,
            Source = remote,
            ServerName = name[..host.Length],
            TransportProtocol = "tls"u8,
            ApplicationProtocols = protocols,
        });
        if (chosen is null || chosen == chain || (chosen.Config.Match.ServerNames.Count == 0 && !JudgesOtherwise(chosen.Config.Tls)))
        {
            _lastAccepted = authority.ToArray();
            return false;
        }

        return true;
    }

    /// <summary>True where a chain for no name in particular judges clients otherwise than ours.</summary>
    private bool JudgesOtherwise(DownstreamTlsConfig? other) =>
        other is not null && (other.Validation != chain.Config.Tls?.Validation || other.RequireClientCertificate != chain.Config.Tls?.RequireClientCertificate);
}

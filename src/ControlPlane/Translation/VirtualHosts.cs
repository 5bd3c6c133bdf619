using KubeProxyNet.ControlPlane.Model;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>The virtual hosts of both route tables: the same rules, but plain HTTP redirects where TLS is served, and TLS has only the hosts that it is for.</summary>
/// <param name="hosts">The rules of each host that a rule names.</param>
/// <param name="elsewhere">The default backend of hosts that have none of their own; null for none.</param>
/// <param name="tls">Which hosts are served over TLS.</param>
/// <param name="redirection">What plain HTTP does for those.</param>
internal sealed class VirtualHosts(IReadOnlyDictionary<HostMatch, HostRules> hosts, RouteRule? elsewhere, TlsHosts tls, HttpsRedirection redirection)
{
    private const int MisdirectedRequest = 421;

    private readonly List<VirtualHost> _all =
    [
        .. hosts.Keys.Union(tls.Hosts)
            .OrderBy(static host => host.Kind)
            .ThenBy(static host => host.Name, StringComparer.Ordinal)
            .Select(host => Build(host, hosts, elsewhere)),
    ];

    public ValueList<VirtualHost> OfHttp() => _all.Select(host => tls.IsSecured(host.Host) ? redirection.Apply(host) : host).ToValueList();

    public ValueList<VirtualHost> OfHttps()
    {
        var reachable = _all.Where(host => tls.IsReachable(host.Host));

        // A request for a host that is not served over TLS came over the connection of another one (RFC 9110, section 15.5.20).
        return tls.IsReachable(HostMatch.Any)
            ? reachable.ToValueList()
            : reachable.Append(new VirtualHost(HostMatch.Any, [new RouteRule("misdirected", PathMatch.All, new Respond(MisdirectedRequest, ""), RoutePolicy.Default)])).ToValueList();
    }

    /// <summary>A host that only a <c>tls</c> entry names has the rules that it would have without it: those of the nearest wider host.</summary>
    private static VirtualHost Build(HostMatch host, IReadOnlyDictionary<HostMatch, HostRules> hosts, RouteRule? elsewhere)
    {
        if (hosts.TryGetValue(host, out var own))
        {
            return own.Build(elsewhere);
        }

        return hosts[host.Wider().First(hosts.ContainsKey)].Build(elsewhere) with { Host = host };
    }
}

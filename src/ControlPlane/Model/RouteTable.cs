namespace KubeProxyNet.ControlPlane.Model;

/// <summary>
/// Chooses a virtual host by the request's host and, in it, the first rule whose path matches. No virtual host, or no rule: the answer is 404.
/// </summary>
/// <param name="Name">Unique among the route tables.</param>
/// <param name="VirtualHosts">At most one for each <see cref="HostMatch"/>.</param>
public sealed record RouteTable(string Name, ValueList<VirtualHost> VirtualHosts);

/// <summary>The rules for the requests of one host.</summary>
/// <param name="Host">The hosts it answers for. An exact host goes before a wildcard, a wildcard before <see cref="HostMatch.Any"/>.</param>
/// <param name="Rules">In the order in which they are tried; the first match decides.</param>
public sealed record VirtualHost(HostMatch Host, ValueList<RouteRule> Rules);

/// <summary>One path and what happens to the requests that match it.</summary>
/// <param name="Name">Where the rule comes from, for access logs and explanations; need not be unique.</param>
/// <param name="Path">The requests it matches.</param>
/// <param name="Action">What happens to them.</param>
/// <param name="Policy">Limits on their handling.</param>
public sealed record RouteRule(string Name, PathMatch Path, RouteAction Action, RoutePolicy Policy);

/// <summary>Limits on the handling of a request.</summary>
/// <param name="RequestTimeout">Time from the end of the request to the end of the response; null for no limit, so that long downloads are not cut.</param>
public sealed record RoutePolicy(TimeSpan? RequestTimeout)
{
    /// <summary>No limit of its own.</summary>
    public static RoutePolicy Default { get; } = new((TimeSpan?)null);
}

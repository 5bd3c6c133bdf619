using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>Collects the rules of one host and puts them into the order in which they are tried.</summary>
internal sealed class HostRules(HostMatch host)
{
    private readonly Dictionary<PathMatch, (RouteRule Rule, Ingress Owner)> _rules = [];
    private RouteRule? _default;

    public HostMatch Host => host;

    /// <summary>The Ingress that has this path already, or null.</summary>
    public Ingress? OwnerOf(PathMatch path) => _rules.TryGetValue(path, out var taken) ? taken.Owner : null;

    public void Add(RouteRule rule, Ingress owner) => _rules.Add(rule.Path, (rule, owner));

    /// <summary>Takes the default backend of an Ingress that names this host; the first one offered stays.</summary>
    public void OfferDefault(RouteRule? rule) => _default ??= rule;

    /// <summary>
    /// Longest path first, Exact before Prefix where both are equal; the rest is only for a stable order. The default backend comes last.
    /// </summary>
    /// <param name="elsewhere">The default backend of hosts that have none of their own; null for none.</param>
    public VirtualHost Build(RouteRule? elsewhere)
    {
        var rules = _rules.Values
            .Select(entry => entry.Rule)
            .OrderByDescending(rule => rule.Path.Value.Length)
            .ThenBy(rule => rule.Path.Kind)
            .ThenBy(rule => rule.Path.Value, StringComparer.Ordinal);
        var last = (host.Kind == HostMatchKind.Any ? elsewhere : null) ?? _default ?? elsewhere;
        return new VirtualHost(host, last is null || _rules.ContainsKey(last.Path) ? rules.ToValueList() : rules.Append(last).ToValueList());
    }
}

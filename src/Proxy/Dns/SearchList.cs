using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>Which names a name may stand for (resolv.conf(5), <c>search</c> and <c>ndots</c>).</summary>
internal static class SearchList
{
    /// <summary>
    /// The names to look for, in order. One that ends in a dot stands for itself alone; one with enough dots is looked for as it is first,
    /// any other in the domains first.
    /// </summary>
    /// <param name="written">As it was written, with or without a last dot.</param>
    /// <param name="name">The same as <see cref="DnsName.Parse"/> gives it.</param>
    /// <param name="domains">The domains.</param>
    /// <param name="dots">Enough dots.</param>
    public static ImmutableArray<string> Expand(string written, string name, ImmutableArray<string> domains, int dots)
    {
        if (written.EndsWith('.') || domains.IsEmpty)
        {
            return [name];
        }

        // A name that gets too long in a domain is not in it.
        var inDomains = domains.Select(domain => DnsName.Parse($"{name}.{domain}")).OfType<string>();
        return name.AsSpan().Count('.') >= dots ? [name, .. inDomains] : [.. inDomains, name];
    }
}

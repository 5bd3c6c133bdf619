using System.Buffers;
using System.Runtime.CompilerServices;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Routing.Paths;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// Finds the virtual host of an authority in Envoy's order: exact, longest suffix wildcard, longest prefix wildcard, <c>*</c>.
/// The cost depends on the length of the authority alone. Immutable.
/// </summary>
internal sealed class DomainTable
{
    private const int StackBytes = 256;

    private readonly Domains _exact;
    private readonly Domains _suffixes;
    private readonly Domains _prefixes;
    private readonly HostTable _exactKeys;
    private readonly ByteTrie? _suffixKeys;
    private readonly ByteTrie? _prefixKeys;
    private readonly CompiledVirtualHost? _catchAll;
    private readonly bool _ignorePort;

    internal DomainTable(Domains exact, Domains suffixes, Domains prefixes, CompiledVirtualHost? catchAll, bool ignorePort)
    {
        _exact = exact;
        _suffixes = suffixes;
        _prefixes = prefixes;
        _exactKeys = new HostTable(exact.Keys, exact.VirtualHosts);
        _suffixKeys = suffixes.Keys.Length == 0 ? null : ByteTrie.Build(suffixes.Keys);
        _prefixKeys = prefixes.Keys.Length == 0 ? null : ByteTrie.Build(prefixes.Keys);
        _catchAll = catchAll;
        _ignorePort = ignorePort;
    }

    /// <summary>The virtual host for a request; null where no domain covers its authority.</summary>
    [SkipLocalsInit]
    public CompiledVirtualHost? Find<TTrace>(RequestHead head, ref TTrace trace)
        where TTrace : struct, IMatchTrace
    {
        // As in Envoy, a table of "*" alone serves requests without any authority; other tables do not.
        if (_exactKeys.Count != 0 || _suffixKeys is not null || _prefixKeys is not null)
        {
            var authority = head.Authority;
            if (authority.IsEmpty && !head.Has(KnownHeader.Host))
            {
                trace.NoVirtualHost(authorityMissing: true);
                return null;
            }

            if (_ignorePort)
            {
                authority = WithoutPort(authority);
            }

            byte[]? rented = null;
            var host = authority.Length <= StackBytes
                ? stackalloc byte[StackBytes]
                : rented = ArrayPool<byte>.Shared.Rent(authority.Length);
            host = host[..authority.Length];
            AsciiFold.ToLower(authority, host);
            var found = Find(host, ref trace);
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }

            if (found is not null)
            {
                return found;
            }
        }

        trace.DomainsSearched(DomainKind.CatchAll, _catchAll is not null);
        if (_catchAll is null)
        {
            trace.NoVirtualHost(authorityMissing: false);
        }
        else
        {
            trace.VirtualHostSelected(_catchAll, DomainKind.CatchAll, "*");
        }

        return _catchAll;
    }

    /// <summary>The host part of an authority; the colons of an IPv6 address in brackets are not a port's (RFC 3986 §3.2.2).</summary>
    internal static ReadOnlySpan<byte> WithoutPort(ReadOnlySpan<byte> authority)
    {
        var colon = authority.LastIndexOf((byte)':');
        return colon >= 0 && authority.LastIndexOf((byte)']') < colon ? authority[..colon] : authority;
    }

    private CompiledVirtualHost? Find<TTrace>(Span<byte> host, ref TTrace trace)
        where TTrace : struct, IMatchTrace
    {
        var exact = _exactKeys.Find(host, out var index);
        Report(exact, _exact, index, DomainKind.Exact, ref trace);
        if (exact is not null)
        {
            return exact;
        }

        if (_prefixKeys is not null)
        {
            // Found now, before the host is reversed in place, and used only if no suffix matches.
            index = Longest(_prefixKeys, host);
        }

        if (_suffixKeys is not null)
        {
            host.Reverse();
            if (Select(_suffixes, Longest(_suffixKeys, host), DomainKind.SuffixWildcard, ref trace) is { } suffix)
            {
                return suffix;
            }
        }

        return _prefixKeys is null ? null : Select(_prefixes, index, DomainKind.PrefixWildcard, ref trace);
    }

    /// <summary>The longest key that the text starts with and does not end with: a wildcard stands for at least one byte.</summary>
    private static int Longest(ByteTrie keys, ReadOnlySpan<byte> text)
    {
        var longest = -1;
        var walk = keys.Walk(text);
        while (walk.MoveNext() && walk.Length < text.Length)
        {
            longest = walk.Value;
        }

        return longest;
    }

    private static CompiledVirtualHost? Select<TTrace>(Domains domains, int index, DomainKind kind, ref TTrace trace)
        where TTrace : struct, IMatchTrace
    {
        var found = index < 0 ? null : domains.VirtualHosts[index];
        Report(found, domains, index, kind, ref trace);
        return found;
    }

    private static void Report<TTrace>(CompiledVirtualHost? found, Domains domains, int index, DomainKind kind, ref TTrace trace)
        where TTrace : struct, IMatchTrace
    {
        if (!TTrace.IsEnabled)
        {
            return;
        }

        trace.DomainsSearched(kind, found is not null);
        if (found is not null)
        {
            trace.VirtualHostSelected(found, kind, domains.Names[index]);
        }
    }

    /// <summary>
    /// Domains of one kind, sorted by key: the lower-case name without '*', backwards for suffixes. Names are as configured.
    /// </summary>
    internal readonly record struct Domains(byte[][] Keys, string[] Names, CompiledVirtualHost[] VirtualHosts);
}

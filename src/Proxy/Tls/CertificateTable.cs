using System.Diagnostics.CodeAnalysis;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>
/// From the server name that a client asks for to the certificates that it may get: the exact name, then the wildcard over its last labels, then the default
/// (Envoy documentation, "Certificate selection"). A name that several certificates have leads to all of them, one for each kind of key.
/// </summary>
/// <typeparam name="T">What is made of a set of certificates, once for each set.</typeparam>
internal sealed class CertificateTable<T>
    where T : class
{
    private const int LongestName = 255;

    private readonly Dictionary<string, T> _exact = new(StringComparer.Ordinal);
    private readonly Dictionary<string, T> _wildcards = new(StringComparer.Ordinal);
    private readonly Dictionary<string, T>.AlternateLookup<ReadOnlySpan<char>> _exactLookup;
    private readonly Dictionary<string, T>.AlternateLookup<ReadOnlySpan<char>> _wildcardLookup;
    private readonly T _unknown;

    public CertificateTable(IReadOnlyList<CertificateConfig> certificates, bool fullScan, Func<IReadOnlyList<CertificateConfig>, T> make)
    {
        var named = certificates.Select(static certificate => (Certificate: certificate, Facts: CertificateFacts.Read(certificate))).ToArray();
        var made = new Dictionary<string, T>(StringComparer.Ordinal);
        Default = Made(named);
        _unknown = fullScan ? Default : Made(named[..1]);
        foreach (var name in named.SelectMany(static item => item.Facts.Names).Distinct(StringComparer.Ordinal))
        {
            var set = Made([.. named.Where(item => item.Facts.Names.Contains(name))]);
            if (name.StartsWith("*.", StringComparison.Ordinal))
            {
                _wildcards[name[2..]] = set;
            }
            else
            {
                _exact[name] = set;
            }
        }

        _exactLookup = _exact.GetAlternateLookup<ReadOnlySpan<char>>();
        _wildcardLookup = _wildcards.GetAlternateLookup<ReadOnlySpan<char>>();

        T Made((CertificateConfig Certificate, CertificateFacts Facts)[] candidates)
        {
            // The library keeps one certificate for each kind of key: the first of each.
            var chosen = candidates.DistinctBy(static item => item.Facts.KeyKind, StringComparer.Ordinal).ToArray();
            var key = string.Join(',', chosen.Select(item => Array.IndexOf(named, item)));
            if (!made.TryGetValue(key, out var set))
            {
                made[key] = set = make([.. chosen.Select(static item => item.Certificate)]);
            }

            return set;
        }
    }

    /// <summary>For clients that ask for no name.</summary>
    public T Default { get; }

    /// <summary>What belongs to a name in ASCII, in any case; empty for none.</summary>
    public T Find(ReadOnlySpan<byte> serverName)
    {
        if (serverName.IsEmpty)
        {
            return Default;
        }

        if (serverName.Length > LongestName)
        {
            return _unknown;
        }

        Span<char> name = stackalloc char[serverName.Length];
        Lower(serverName, name);
        return _exactLookup.TryGetValue(name, out var found) || TryFindWildcard(name, out found) ? found : _unknown;
    }

    /// <summary>What to look at, one after the other, where nothing of what <see cref="Find"/> gives can be presented: the exact name, the wildcard over it, and what is for everybody else.</summary>
    public IReadOnlyList<T> FindAll(ReadOnlySpan<byte> serverName)
    {
        if (serverName.IsEmpty || serverName.Length > LongestName)
        {
            return [serverName.IsEmpty ? Default : _unknown];
        }

        var name = new char[serverName.Length];
        Lower(serverName, name);
        var all = new List<T>();
        if (_exactLookup.TryGetValue(name, out var exact))
        {
            all.Add(exact);
        }

        if (TryFindWildcard(name, out var wildcard))
        {
            all.Add(wildcard);
        }

        return [.. all, _unknown];
    }

    // A wildcard stands for one label (RFC 6125 section 6.4.3).
    private bool TryFindWildcard(ReadOnlySpan<char> name, [MaybeNullWhen(false)] out T found)
    {
        found = null;
        return name.IndexOf('.') is > 0 and var dot && _wildcardLookup.TryGetValue(name[(dot + 1)..], out found);
    }

    private static void Lower(ReadOnlySpan<byte> serverName, Span<char> name)
    {
        for (var i = 0; i < name.Length; i++)
        {
            name[i] = char.ToLowerInvariant((char)serverName[i]);
        }
    }
}

using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>
/// Which certificate takes the place of one that may not be presented for want of a fresh OCSP response, as Envoy's <c>DefaultTlsCertificateSelector</c> goes on: to
/// one of the same name with another kind of key, to those of the wildcard over the name, and then to the first certificate, or with
/// <c>full_scan_certs_on_sni_mismatch</c> and for clients that ask for no name to all. A client that takes ECDSA gets the first such certificate before any other.
/// </summary>
internal sealed unsafe class StapledSuccession(OcspStaples staples, CertificateTable<SslContextHandle> byName, bool scansAll)
{
    /// <summary>The raw form of every signature algorithm of ECDSA in RFC 5246 section 7.4.1.4.1, which RFC 8446 kept.</summary>
    private const byte RawEcdsa = 3;

    private readonly List<Single> _all = [];
    private readonly Dictionary<SslContextHandle, int[]> _members = [];

    /// <summary>Adds a certificate, in the order of the configuration.</summary>
    /// <param name="alone">Presents nothing else.</param>
    /// <param name="certificate">The same as the library holds it.</param>
    /// <param name="config">The same as configured.</param>
    public void Add(SslContextHandle alone, nint certificate, CertificateConfig config) => _all.Add(new Single(alone, certificate, CertificateFacts.Read(config).IsElliptic));

    /// <summary>Adds a set of certificates.</summary>
    /// <param name="set">Presents one of them.</param>
    /// <param name="members">Which they are, by their place in the configuration.</param>
    public void Add(SslContextHandle set, int[] members) => _members[set] = members;

    /// <summary>What to present in place of a set of which something is refused.</summary>
    public SslContextHandle Choose(nint ssl, ReadOnlySpan<byte> name, SslContextHandle chosen)
    {
        if (!OcspStaples.IsAsked(ssl) || !Array.Exists(_members[chosen], IsRefused))
        {
            return chosen;
        }

        var takesElliptic = TakesElliptic(ssl);
        var sets = byName.FindAll(name);
        for (var i = 0; i < sets.Count; i++)
        {
            var isLast = i == sets.Count - 1;
            IEnumerable<int> candidates = isLast && (scansAll || name.IsEmpty) ? Enumerable.Range(0, _all.Count) : _members[sets[i]];
            if (Best([.. candidates.Where(index => !IsRefused(index))], takesElliptic) is { } best)
            {
                return best;
            }
        }

        return IsRefused(0) ? chosen : _all[0].Alone;
    }

    private bool IsRefused(int index) => staples.Refuses(_all[index].Certificate);

    private SslContextHandle? Best(int[] usable, bool takesElliptic)
    {
        var elliptic = takesElliptic ? Array.FindIndex(usable, index => _all[index].IsElliptic) : -1;
        var best = elliptic >= 0 ? elliptic : Array.FindIndex(usable, index => !_all[index].IsElliptic);
        return best < 0 ? null : _all[usable[best]].Alone;
    }

    private static bool TakesElliptic(nint ssl)
    {
        byte sign;
        var count = LibSsl.GetSignatureAlgorithms(ssl, 0, null, null, null, &sign, null);
        for (var i = 0; i < count; i++)
        {
            _ = LibSsl.GetSignatureAlgorithms(ssl, i, null, null, null, &sign, null);
            if (sign == RawEcdsa)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A certificate alone.</summary>
    private sealed record Single(SslContextHandle Alone, nint Certificate, bool IsElliptic);
}

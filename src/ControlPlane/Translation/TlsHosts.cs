using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Decides which hosts are served over TLS, and with which certificate. An Ingress speaks for the hosts of its own rules only; of several Ingresses
/// with certificates for one host the oldest decides. A Secret that cannot be used leaves its hosts with the default certificate or, where there is
/// none, with plain HTTP. Source: the Ingress page of the Kubernetes documentation ("TLS"); what it leaves open is done as by ingress-nginx.
/// </summary>
internal sealed class TlsHosts
{
    private readonly CertificateResolver _certificates;
    private readonly ServerCertificate? _default;
    private readonly ImmutableArray<Diagnostic>.Builder _diagnostics;
    private readonly Dictionary<HostMatch, Claim> _claims = [];

    public TlsHosts(CertificateResolver certificates, ObjectName? defaultSecret, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        _certificates = certificates;
        _default = certificates.FindDefault(defaultSecret, diagnostics);
        _diagnostics = diagnostics;
    }

    /// <summary>True when any host is served over TLS.</summary>
    public bool Any => _default is not null || _claims.Values.Any(static claim => claim.Certificate is not null);

    /// <summary>The hosts that Ingresses want to have served over TLS and that are.</summary>
    public IEnumerable<HostMatch> Hosts => _claims.Where(static claim => claim.Value.Certificate is not null).Select(static claim => claim.Key);

    /// <summary>Takes the hosts of an Ingress; Ingresses come oldest first.</summary>
    public void Take(Ingress ingress)
    {
        if (ingress.Spec.Tls.Count == 0)
        {
            return;
        }

        var served = ingress.Spec.Rules.Select(static rule => HostMatch.Parse(rule.Host)).ToHashSet();
        if (ingress.Spec.DefaultBackend is not null)
        {
            served.Add(HostMatch.Any);
        }

        // What an entry names goes before what another one's wildcard takes along.
        for (var i = 0; i < ingress.Spec.Tls.Count; i++)
        {
            TakeNamed(ingress, i, served);
        }

        for (var i = 0; i < ingress.Spec.Tls.Count; i++)
        {
            foreach (var wildcard in HostsOf(ingress.Spec.Tls[i]))
            {
                foreach (var host in served.Where(host => host != wildcard && host.Wider().FirstOrDefault() == wildcard).OrderBy(static host => host.Name, StringComparer.Ordinal))
                {
                    Add(ingress, i, host, isNamed: false);
                }
            }
        }
    }

    /// <summary>Whether Ingresses want a host to be served over TLS, and it is.</summary>
    public bool IsSecured(HostMatch host) => _claims.TryGetValue(host, out var claim) && claim.Certificate is not null;

    /// <summary>Whether clients reach a host over TLS, be it with the certificate of a wider one.</summary>
    public bool IsReachable(HostMatch host) => _default is not null || IsSecured(host) || host.Wider().Any(IsSecured);

    /// <summary>How the listener takes TLS.</summary>
    public TlsTermination Terminate()
    {
        var chains =
            from claim in _claims
            where claim.Value.Certificate is not null && claim.Key.Kind != HostMatchKind.Any
            group claim.Key by claim.Value.Certificate!.Name into hosts
            orderby hosts.Key
            select new TlsChain(hosts.Key, hosts.OrderBy(static host => host.Kind).ThenBy(static host => host.Name, StringComparer.Ordinal).ToValueList());
        var other = _claims.GetValueOrDefault(HostMatch.Any)?.Certificate ?? _default;
        return new TlsTermination(chains.ToValueList(), other?.Name);
    }

    private static IEnumerable<HostMatch> HostsOf(IngressTls entry)
    {
        foreach (var host in (IReadOnlyList<string>)entry.Hosts)
        {
            yield return HostMatch.Parse(host);
        }
    }

    private void TakeNamed(Ingress ingress, int index, HashSet<HostMatch> served)
    {
        var entry = ingress.Spec.Tls[index];
        if (entry.Hosts.Count == 0)
        {
            foreach (var host in ingress.Spec.Rules.Count == 0 ? served : ingress.Spec.Rules.Select(static rule => HostMatch.Parse(rule.Host)).Distinct())
            {
                Add(ingress, index, host, isNamed: true);
            }
        }

        foreach (var host in HostsOf(entry))
        {
            if (served.Contains(host) || host.Wider().Any(served.Contains))
            {
                Add(ingress, index, host, isNamed: true);
            }
            else if (!served.Any(other => other.Kind == HostMatchKind.Exact && other.Wider().First() == host))
            {
                Report(
                    ingress, index, DiagnosticReason.TlsHostWithoutRule, $"no rule of this Ingress is for host {host}, so it gets no certificate", "add a rule for it or correct its name");
            }
        }
    }

    private void Add(Ingress ingress, int index, HostMatch host, bool isNamed)
    {
        var entry = ingress.Spec.Tls[index];
        if (_claims.TryGetValue(host, out var claim))
        {
            if (claim.Secret != SecretOf(ingress, entry) && (isNamed || !ReferenceEquals(claim.Owner, ingress)))
            {
                var who = ReferenceEquals(claim.Owner, ingress)
                    ? "an earlier entry of this Ingress"
                    : $"{claim.Owner.Key} ({claim.Owner.Metadata.Location}), which is older or, at the same age, goes first by name";
                Report(ingress, index, DiagnosticReason.CertificateConflict, $"host {host} already has another certificate from {who}; this one is not used for it", "name the same Secret, or the host in one place only");
            }

            return;
        }

        _claims.Add(host, new Claim(ingress, SecretOf(ingress, entry), Find(ingress, index, host)));
    }

    private ServerCertificate? Find(Ingress ingress, int index, HostMatch host)
    {
        var entry = ingress.Spec.Tls[index];
        if (SecretOf(ingress, entry) is not { } name)
        {
            if (_default is null)
            {
                Report(
                    ingress,
                    index,
                    DiagnosticReason.NoCertificate,
                    $"no secretName is given and there is no default certificate, so host {host} is served over plain HTTP only",
                    "name a Secret, or start with --default-tls-secret");
            }

            return _default;
        }

        if (_certificates.Find(name, out var fault) is not { } found)
        {
            var instead = _default is null ? "is served over plain HTTP only" : "gets the default certificate";
            Report(ingress, index, DiagnosticReason.SecretNotUsable, $"{fault.Message}, so host {host} {instead}", fault.Remedy, ".secretName");
            return _default;
        }

        if (host.Kind != HostMatchKind.Any && !found.Secret.KeyPair!.Covers(host.ToString()))
        {
            var names = found.Secret.KeyPair.Names.Count == 0 ? "no host" : string.Join(", ", (IReadOnlyList<string>)found.Secret.KeyPair.Names);
            Report(
                ingress,
                index,
                DiagnosticReason.CertificateNameMismatch,
                $"the certificate of Secret {name} is for {names} and not for host {host}, so clients will refuse it",
                "put a certificate for the host into the Secret",
                ".secretName");
        }

        return found.Certificate;
    }

    private void Report(Ingress ingress, int index, string reason, string message, string remedy, string field = "") => _diagnostics.Add(new Diagnostic(
        DiagnosticSeverity.Warning,
        reason,
        message,
        remedy,
        ingress.Metadata.Location with { Line = ingress.Spec.Tls[index].Line },
        ingress.Key,
        $"spec.tls[{index}]{field}"));

    private static ObjectName? SecretOf(Ingress ingress, IngressTls entry) =>
        entry.SecretName is { Length: > 0 } secret ? new ObjectName(ingress.Metadata.Namespace, secret) : null;

    /// <summary>Who decides on the certificate of a host, and which it is.</summary>
    /// <param name="Owner">The Ingress.</param>
    /// <param name="Secret">The Secret that it names; null for the default certificate.</param>
    /// <param name="Certificate">The certificate; null when the host is served over plain HTTP only.</param>
    private sealed record Claim(Ingress Owner, ObjectName? Secret, ServerCertificate? Certificate);
}

using System.Security.Cryptography.X509Certificates;

namespace KubeProxyNet.Testing.Tls;

/// <summary>Whom a client of the platform's own TLS trusts.</summary>
public static class Trust
{
    /// <summary>Nobody but some authorities, whose certificates are taken as not revoked.</summary>
    /// <param name="roots">Their certificates, in PEM.</param>
    public static X509ChainPolicy In(string roots)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(roots);
        return policy;
    }
}

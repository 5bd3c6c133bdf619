using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>Secrets as a control plane delivers them.</summary>
internal static class Secrets
{
    /// <summary>A certificate with its key, or with another's.</summary>
    public static Secret Certificate(string name, TestCertificate certificate, string? key = null) => new()
    {
        Name = name,
        TlsCertificate = new TlsCertificate { CertificateChain = Text(certificate.Chain), PrivateKey = Text(key ?? certificate.Key) },
    };

    /// <summary>Authorities.</summary>
    public static Secret Authorities(string name, params string[] pems) =>
        new() { Name = name, ValidationContext = new CertificateValidationContext { TrustedCa = Text(string.Concat(pems)) } };

    private static DataSource Text(string text) => new() { InlineString = text };
}

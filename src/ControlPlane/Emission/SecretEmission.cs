using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.ControlPlane.Model;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>Certificates of the model as <c>envoy.extensions.transport_sockets.tls.v3.Secret</c>.</summary>
internal static class SecretEmission
{
    public static Secret Emit(ServerCertificate certificate) => new()
    {
        Name = certificate.Name,
        TlsCertificate = new TlsCertificate
        {
            CertificateChain = new DataSource { InlineString = certificate.Chain },
            PrivateKey = new DataSource { InlineString = certificate.Key.Value },
        },
    };
}

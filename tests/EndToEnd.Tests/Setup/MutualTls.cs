using System.Security.Cryptography.X509Certificates;
using KubeProxyNet.Testing.Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KubeProxyNet.EndToEnd.Tests.Setup;

/// <summary>Mutual TLS for servers of tests.</summary>
internal static class MutualTls
{
    /// <summary>Serves with a certificate and its chain, to the holder of one client certificate alone.</summary>
    public static void UseMutualTls(this ListenOptions listen, TestCertificate server, TestCertificate client)
    {
        using var pair = X509Certificate2.CreateFromPem(server.Chain, server.Key);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(server.Chain);
        chain.RemoveAt(0);
        var serial = client.Serial;
        listen.UseHttps(new HttpsConnectionAdapterOptions
        {
            ServerCertificate = X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pfx), null),
            ServerCertificateChain = chain,
            ClientCertificateMode = ClientCertificateMode.RequireCertificate,
            ClientCertificateValidation = (shown, _, _) => shown.SerialNumberBytes.Span.SequenceEqual(serial),
        });
    }
}

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>The files of TLS towards proxies, in PEM. They may be replaced while the server runs.</summary>
/// <param name="CertificateFile">The server's certificate and the intermediates behind it.</param>
/// <param name="KeyFile">Its private key, not encrypted.</param>
/// <param name="ClientAuthorityFile">The authorities of which one must vouch for the certificate of each proxy; null to ask for none.</param>
public sealed record XdsTlsOptions(string CertificateFile, string KeyFile, string? ClientAuthorityFile = null);

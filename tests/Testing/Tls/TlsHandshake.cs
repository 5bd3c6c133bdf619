namespace KubeProxyNet.Testing.Tls;

/// <summary>A handshake that a <see cref="TlsFront"/> has brought to its end.</summary>
/// <param name="ServerName">The name that was asked for; empty for none.</param>
/// <param name="Protocol">The protocol that was agreed on by ALPN; empty for none.</param>
/// <param name="Version">The version, such as <c>Tls13</c>.</param>
/// <param name="ClientNames">The alternative names of the client's certificate, as the platform writes them; empty without one.</param>
/// <param name="Certificate">The certificate that was presented.</param>
public sealed record TlsHandshake(string ServerName, string Protocol, string Version, string ClientNames, Certificates.TestCertificate Certificate);

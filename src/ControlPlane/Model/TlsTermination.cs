namespace KubeProxyNet.ControlPlane.Model;

/// <summary>How a listener takes TLS: the certificate is chosen by the server name that the client asks for.</summary>
/// <param name="Chains">The certificates by host; no host stands in two of them.</param>
/// <param name="DefaultCertificate">The certificate for clients that name another host or none; null to refuse them.</param>
public sealed record TlsTermination(ValueList<TlsChain> Chains, string? DefaultCertificate);

/// <summary>The hosts that one certificate serves.</summary>
/// <param name="Certificate">Name of one of <see cref="TrafficModel.Certificates"/>.</param>
/// <param name="Hosts">At least one; none of them is <see cref="HostMatch.Any"/>.</param>
public sealed record TlsChain(string Certificate, ValueList<HostMatch> Hosts);

/// <summary>A certificate that the proxies show to clients.</summary>
/// <param name="Name">Unique among the certificates: <c>namespace/name</c> of its Secret.</param>
/// <param name="Chain">The certificates in PEM form, the server's own first.</param>
/// <param name="Key">The private key in PEM form.</param>
public sealed record ServerCertificate(string Name, string Chain, Confidential Key);

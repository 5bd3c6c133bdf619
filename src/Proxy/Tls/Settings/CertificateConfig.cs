namespace KubeProxyNet.Proxy.Tls.Settings;

/// <summary>A certificate and its key, read and checked: Envoy's <c>TlsCertificate</c>.</summary>
public sealed record CertificateConfig
{
    /// <summary>The resource that it comes from, for people: <c>secret "web"</c>, or a file's path.</summary>
    public required string Source { get; init; }

    /// <summary>The certificate and the intermediates behind it, in PEM.</summary>
    public required string Chain { get; init; }

    /// <summary>The private key in PEM, not encrypted.</summary>
    public required string Key { get; init; }

    /// <summary>The OCSP response to staple (DER in Base64); empty for none.</summary>
    public string OcspStaple { get; init; } = "";

    /// <summary>Tells neither the chain nor the key: it may end up in a log.</summary>
    public override string ToString() => Source;
}

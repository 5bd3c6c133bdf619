namespace KubeProxyNet.ControlPlane.Sources.Kubernetes;

/// <summary>A Secret of <c>v1</c>. Only what TLS needs is kept of it; the data of other types are not even held in memory.</summary>
/// <param name="Metadata">Name and labels. Annotations are left out: one that kubectl writes repeats the data.</param>
/// <param name="Type">What the Secret is for; <c>Opaque</c> when the manifest does not say.</param>
/// <param name="KeyPair">The certificate and its key; null when the type is not <see cref="TlsType"/>.</param>
public sealed record Secret(ObjectMeta Metadata, string Type, TlsKeyPair? KeyPair) : KubernetesObject(Metadata)
{
    /// <summary>The kind.</summary>
    public const string KindName = "Secret";

    /// <summary>The type of a Secret with a certificate and its key.</summary>
    public const string TlsType = "kubernetes.io/tls";

    /// <summary>The type of a Secret that names none.</summary>
    public const string OpaqueType = "Opaque";

    /// <summary>The field with the certificate, followed by those that link it to its root, in PEM form.</summary>
    public const string CertificateField = "tls.crt";

    /// <summary>The field with the private key in PEM form.</summary>
    public const string KeyField = "tls.key";

    /// <inheritdoc/>
    public override string Kind => KindName;
}

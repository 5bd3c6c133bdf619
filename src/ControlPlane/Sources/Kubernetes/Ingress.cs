namespace KubeProxyNet.ControlPlane.Sources.Kubernetes;

/// <summary>An Ingress of <c>networking.k8s.io/v1</c>.</summary>
/// <param name="Metadata">Name, labels and annotations.</param>
/// <param name="Spec">Hosts, paths and backends.</param>
public sealed record Ingress(ObjectMeta Metadata, IngressSpec Spec) : KubernetesObject(Metadata)
{
    /// <summary>The kind.</summary>
    public const string KindName = "Ingress";

    /// <summary>The annotation that named the class before <see cref="IngressSpec.IngressClassName"/> existed; it still goes before it.</summary>
    public const string ClassAnnotation = "kubernetes.io/ingress.class";

    /// <summary>
    /// The annotation that says, with <c>false</c>, that hosts with a certificate are served over plain HTTP too, and are not redirected. It is that of
    /// the ingress-nginx controller.
    /// </summary>
    public const string RedirectAnnotation = "nginx.ingress.kubernetes.io/ssl-redirect";

    /// <inheritdoc/>
    public override string Kind => KindName;
}

/// <summary>Hosts, paths and backends.</summary>
public sealed record IngressSpec
{
    /// <summary>Name of the IngressClass; null for the default one.</summary>
    public string? IngressClassName { get; init; }

    /// <summary>Takes what no rule matches; null for none.</summary>
    public IngressBackend? DefaultBackend { get; init; }

    /// <summary>Hosts to be served over TLS.</summary>
    public ValueList<IngressTls> Tls { get; init; }

    /// <summary>In the manifest's order, which plays no part in matching.</summary>
    public ValueList<IngressRule> Rules { get; init; }
}

/// <summary>Hosts to be served over TLS with one certificate.</summary>
/// <param name="Hosts">The hosts; empty for those of the rules.</param>
/// <param name="SecretName">Name of the Secret with the certificate; null for the controller's default.</param>
/// <param name="Line">Line in the file.</param>
public sealed record IngressTls(ValueList<string> Hosts, string? SecretName, int Line);

/// <summary>The paths of one host.</summary>
/// <param name="Host">A host name, <c>*.</c> with a host name, or null for every host.</param>
/// <param name="Paths">The paths; empty when the rule has no <c>http</c>: the host then belongs to the default backend.</param>
/// <param name="Line">Line in the file.</param>
public sealed record IngressRule(string? Host, ValueList<HttpIngressPath> Paths, int Line);

/// <summary>A path and where its requests go.</summary>
/// <param name="Path">Begins with a slash.</param>
/// <param name="PathType">How it is compared.</param>
/// <param name="Backend">Where the requests go.</param>
/// <param name="Line">Line in the file.</param>
public sealed record HttpIngressPath(string Path, PathType PathType, IngressBackend Backend, int Line);

/// <summary>How a path of an Ingress is compared.</summary>
public enum PathType
{
    /// <summary>The whole path, with letter case.</summary>
    Exact,

    /// <summary>Element by element.</summary>
    Prefix,

    /// <summary>As the controller likes; this one treats it as <see cref="Prefix"/>.</summary>
    ImplementationSpecific,
}

/// <summary>Where requests go: either a Service or another kind of object.</summary>
/// <param name="Service">The Service and its port; null when <paramref name="Resource"/> is given.</param>
/// <param name="Resource">Another object as <c>Kind/name</c>; null when <paramref name="Service"/> is given.</param>
/// <param name="Line">Line in the file.</param>
public sealed record IngressBackend(IngressServiceBackend? Service, string? Resource, int Line);

/// <summary>A Service of the Ingress' own namespace and one of its ports.</summary>
/// <param name="Name">The Service.</param>
/// <param name="Port">The Service's port, by name or number.</param>
public sealed record IngressServiceBackend(string Name, PortReference Port);

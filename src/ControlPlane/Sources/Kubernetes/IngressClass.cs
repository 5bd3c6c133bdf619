namespace KubeProxyNet.ControlPlane.Sources.Kubernetes;

/// <summary>An IngressClass of <c>networking.k8s.io/v1</c>: which controller serves the Ingresses of this class.</summary>
/// <param name="Metadata">Name, labels and annotations.</param>
/// <param name="Controller">The controller's name.</param>
public sealed record IngressClass(ObjectMeta Metadata, string? Controller) : KubernetesObject(Metadata)
{
    /// <summary>The kind.</summary>
    public const string KindName = "IngressClass";

    /// <summary>The annotation that makes a class the default one, with the value <c>true</c>.</summary>
    public const string DefaultAnnotation = "ingressclass.kubernetes.io/is-default-class";

    /// <inheritdoc/>
    public override string Kind => KindName;

    /// <summary>True when Ingresses without a class belong to this one.</summary>
    public bool IsDefault => string.Equals(Metadata.Annotation(DefaultAnnotation), "true", StringComparison.Ordinal);
}

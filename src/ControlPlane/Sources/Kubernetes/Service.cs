namespace KubeProxyNet.ControlPlane.Sources.Kubernetes;

/// <summary>A Service of <c>v1</c>.</summary>
/// <param name="Metadata">Name, labels and annotations.</param>
/// <param name="Spec">What it offers.</param>
public sealed record Service(ObjectMeta Metadata, ServiceSpec Spec) : KubernetesObject(Metadata)
{
    /// <summary>The kind.</summary>
    public const string KindName = "Service";

    /// <inheritdoc/>
    public override string Kind => KindName;
}

/// <summary>What a Service offers.</summary>
public sealed record ServiceSpec
{
    /// <summary>How it is published; <see cref="ServiceType.ClusterIP"/> by default.</summary>
    public ServiceType Type { get; init; }

    /// <summary>The virtual address; <c>None</c> for a headless Service, null when not assigned.</summary>
    public string? ClusterIP { get; init; }

    /// <summary>The DNS name that an <see cref="ServiceType.ExternalName"/> Service stands for; null otherwise.</summary>
    public string? ExternalName { get; init; }

    /// <summary>Address families in order of preference; empty when the manifest does not say.</summary>
    public ValueList<string> IPFamilies { get; init; }

    /// <summary>Each with a name of its own when there is more than one.</summary>
    public ValueList<ServicePort> Ports { get; init; }

    /// <summary>True for a Service without a virtual address.</summary>
    public bool IsHeadless => ClusterIP == "None";
}

/// <summary>How a Service is published.</summary>
public enum ServiceType
{
    /// <summary>On a virtual address inside the cluster.</summary>
    ClusterIP,

    /// <summary>Also on a port of every node.</summary>
    NodePort,

    /// <summary>Also on a load balancer outside.</summary>
    LoadBalancer,

    /// <summary>Not at all: an alias for a DNS name.</summary>
    ExternalName,
}

/// <summary>A port of a Service.</summary>
/// <param name="Name">Name, or empty for the only port.</param>
/// <param name="Port">Port number, 1 to 65535.</param>
/// <param name="Protocol"><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>.</param>
/// <param name="TargetPort">Number or name on the pods; null for the same number. EndpointSlices have it resolved already.</param>
/// <param name="AppProtocol">What is spoken over it, such as <c>http</c> or <c>kubernetes.io/h2c</c>; null when not said.</param>
public sealed record ServicePort(string Name, int Port, string Protocol, PortReference? TargetPort, string? AppProtocol);

/// <summary>A port by name or by number; exactly one of the two is given.</summary>
/// <param name="Name">The name, or null.</param>
/// <param name="Number">The number, or null.</param>
public sealed record PortReference(string? Name, int? Number)
{
    /// <summary>The name or the number.</summary>
    public override string ToString() => Name ?? $"{Number}";
}

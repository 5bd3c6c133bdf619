namespace KubeProxyNet.ControlPlane.Sources.Kubernetes;

/// <summary>An EndpointSlice of <c>discovery.k8s.io/v1</c>: some of the endpoints of a Service.</summary>
/// <param name="Metadata">Name, labels and annotations; the label <see cref="ServiceNameLabel"/> names the Service.</param>
/// <param name="AddressType">What the addresses are.</param>
/// <param name="Endpoints">In the manifest's order.</param>
/// <param name="Ports">The ports that every endpoint of this slice has.</param>
public sealed record EndpointSlice(ObjectMeta Metadata, AddressType AddressType, ValueList<SliceEndpoint> Endpoints, ValueList<EndpointPort> Ports)
    : KubernetesObject(Metadata)
{
    /// <summary>The kind.</summary>
    public const string KindName = "EndpointSlice";

    /// <summary>The label that names the Service that a slice belongs to.</summary>
    public const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <inheritdoc/>
    public override string Kind => KindName;

    /// <summary>The Service that this slice belongs to; null when its label is missing.</summary>
    public ObjectName? ServiceName => Metadata.Label(ServiceNameLabel) is { Length: > 0 } name ? new ObjectName(Metadata.Namespace, name) : null;
}

/// <summary>What the addresses of an EndpointSlice are.</summary>
public enum AddressType
{
    /// <summary>IPv4 addresses.</summary>
    IPv4,

    /// <summary>IPv6 addresses.</summary>
    IPv6,

    /// <summary>DNS names (deprecated by Kubernetes).</summary>
    FQDN,
}

/// <summary>An endpoint of an EndpointSlice.</summary>
/// <param name="Addresses">At least one; only the first counts, as with kube-proxy.</param>
/// <param name="Conditions">Whether it may be used.</param>
public sealed record SliceEndpoint(ValueList<string> Addresses, EndpointConditions Conditions);

/// <summary>Whether an endpoint may be used. A null is read as Kubernetes says for its consumers.</summary>
/// <param name="Ready">Takes new work; null counts as true.</param>
/// <param name="Serving">Answers, whether it terminates or not; null counts as <paramref name="Ready"/>.</param>
/// <param name="Terminating">On its way out; null counts as false.</param>
public readonly record struct EndpointConditions(bool? Ready, bool? Serving, bool? Terminating)
{
    /// <summary>True when new work goes there.</summary>
    public bool IsReady => Ready ?? true;

    /// <summary>True when it still answers although it is about to end: good enough when nothing else is there.</summary>
    public bool IsServingWhileTerminating => (Terminating ?? false) && (Serving ?? IsReady);
}

/// <summary>A port that the endpoints of an EndpointSlice have.</summary>
/// <param name="Name">The Service port's name; empty for the only port.</param>
/// <param name="Port">Port number on the endpoints; null when the slice leaves it open.</param>
/// <param name="Protocol"><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>.</param>
/// <param name="AppProtocol">What is spoken over it; null when not said.</param>
public sealed record EndpointPort(string Name, int? Port, string Protocol, string? AppProtocol);

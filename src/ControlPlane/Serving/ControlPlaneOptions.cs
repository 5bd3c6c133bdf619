using System.Net;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;
using KubeProxyNet.ControlPlane.Translation;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>What a control plane reads, what it serves and where.</summary>
public sealed record ControlPlaneOptions
{
    /// <summary>The folder of Kubernetes manifests; it must exist when the server starts.</summary>
    public required string ManifestFolder { get; init; }

    /// <summary>Objects that are there before the folder is read; an object of the folder with the same kind and name replaces one of them. None by default.</summary>
    public IReadOnlyList<KubernetesObject> InitialObjects { get; init; } = [];

    /// <summary>Where proxies connect, by HTTP/2; 127.0.0.1:18000 by default. Port 0 takes a free one.</summary>
    public IPEndPoint XdsAddress { get; init; } = new(IPAddress.Loopback, 18000);

    /// <summary>TLS towards proxies; null (the default) for plain text.</summary>
    public XdsTlsOptions? XdsTls { get; init; }

    /// <summary>Where the proxies listen for traffic, and the like.</summary>
    public TranslationOptions Translation { get; init; } = new();

    /// <summary>Time without a change of objects after which a new snapshot is made; 10 ms by default. A folder waits for its own files before that.</summary>
    public TimeSpan Quiet { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Time after which a new snapshot is made although changes go on; 100 ms by default.</summary>
    public TimeSpan MaximumDelay { get; init; } = TimeSpan.FromMilliseconds(100);
}

using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>The kinds that are read from manifests.</summary>
internal static class ObjectKinds
{
    private static readonly ObjectKind[] All =
    [
        new(Service.KindName, "v1", IsNamespaced: true, Names.ServiceLabel, ServiceBinder.Bind),
        new(EndpointSlice.KindName, "discovery.k8s.io/v1", IsNamespaced: true, Names.Subdomain, EndpointSliceBinder.Bind),
        new(Ingress.KindName, "networking.k8s.io/v1", IsNamespaced: true, Names.Subdomain, IngressBinder.Bind),
        new(IngressClass.KindName, "networking.k8s.io/v1", IsNamespaced: false, Names.Subdomain, IngressClassBinder.Bind),
        new(Secret.KindName, "v1", IsNamespaced: true, Names.Subdomain, SecretBinder.Bind) { IsConfidential = true },
    ];

    /// <summary>The kind of this name, or null when it plays no part here.</summary>
    public static ObjectKind? Find(string kind) => Array.Find(All, known => known.Kind == kind);

    /// <summary>True for a list of objects, either of any kinds or of one kind that is known here.</summary>
    public static bool IsList(string apiVersion, string kind) =>
        (kind == "List" && apiVersion == "v1") || Array.Exists(All, known => kind == known.Kind + "List" && known.IsGroup(apiVersion));
}

/// <summary>How objects of a kind are read.</summary>
/// <param name="Kind">Kubernetes' kind.</param>
/// <param name="ApiVersion">The only API version that is read.</param>
/// <param name="IsNamespaced">False for kinds of the whole cluster.</param>
/// <param name="CheckName">Says what is wrong with a name, or null.</param>
/// <param name="Bind">Reads the fields of the document.</param>
internal sealed record ObjectKind(
    string Kind,
    string ApiVersion,
    bool IsNamespaced,
    Func<string, string?> CheckName,
    Func<FieldReader, ObjectMeta, KubernetesObject> Bind)
{
    /// <summary>True when the values of the fields must not stand in diagnostics.</summary>
    public bool IsConfidential { get; init; }

    /// <summary>True when the API version is one of the group that this kind lives or has lived in; other groups have kinds of the same name.</summary>
    public bool IsGroup(string apiVersion)
    {
        var group = GroupOf(apiVersion);
        return group == GroupOf(ApiVersion) || (Kind == Ingress.KindName && group == "extensions");
    }

    private static string GroupOf(string apiVersion) => apiVersion.LastIndexOf('/') is var slash and >= 0 ? apiVersion[..slash] : "";
}

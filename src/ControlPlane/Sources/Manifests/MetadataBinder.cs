using System.Globalization;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Reads <c>metadata</c>.</summary>
internal static class MetadataBinder
{
    /// <summary>The namespace of an object whose manifest names none.</summary>
    public const string DefaultNamespace = "default";

    /// <summary>Reads the fields besides name and namespace, which are known by now.</summary>
    public static ObjectMeta Bind(FieldReader metadata, ObjectName name, SourceLocation location)
    {
        metadata.Ignore(
            "name", "namespace", "generateName", "uid", "resourceVersion", "generation", "managedFields", "ownerReferences", "finalizers",
            "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink");
        var created = metadata.Text("creationTimestamp", text => TryParseTime(text, out _) ? null : "must be a time such as 2026-01-31T12:00:00Z");
        var meta = new ObjectMeta(name.Namespace, name.Name, location)
        {
            CreationTimestamp = created is not null && TryParseTime(created, out var time) ? time : null,
            Labels = metadata.TextMap("labels"),
            Annotations = metadata.TextMap("annotations"),
        };
        metadata.Close();
        return meta;
    }

    private static bool TryParseTime(string text, out DateTimeOffset time) => DateTimeOffset.TryParseExact(
        text,
        ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"],
        CultureInfo.InvariantCulture,
        DateTimeStyles.AssumeUniversal,
        out time);
}

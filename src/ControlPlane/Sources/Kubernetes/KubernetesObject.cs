namespace KubeProxyNet.ControlPlane.Sources.Kubernetes;

/// <summary>An object of the Kubernetes API, with Kubernetes' own field names, as far as this version acts on it.</summary>
/// <param name="Metadata">Name, labels and annotations.</param>
public abstract record KubernetesObject(ObjectMeta Metadata)
{
    /// <summary>Kubernetes' kind.</summary>
    public abstract string Kind { get; }

    /// <summary>Identity.</summary>
    public ObjectKey Key => new(Kind, Name);

    /// <summary>Namespace and name.</summary>
    public ObjectName Name => new(Metadata.Namespace, Metadata.Name);
}

/// <summary>The common head of every object.</summary>
/// <param name="Namespace">The namespace, <c>default</c> when the manifest names none; empty for kinds without namespaces.</param>
/// <param name="Name">The name.</param>
/// <param name="Location">Where the object begins.</param>
public sealed record ObjectMeta(string Namespace, string Name, SourceLocation Location)
{
    /// <summary>When the object was made; null when the manifest does not say, which counts as the youngest.</summary>
    public DateTimeOffset? CreationTimestamp { get; init; }

    /// <summary>Ordered by key.</summary>
    public ValueList<NamedValue> Labels { get; init; }

    /// <summary>Ordered by key.</summary>
    public ValueList<NamedValue> Annotations { get; init; }

    /// <summary>The label's value, or null.</summary>
    public string? Label(string key) => Find(Labels, key);

    /// <summary>The annotation's value, or null.</summary>
    public string? Annotation(string key) => Find(Annotations, key);

    private static string? Find(ValueList<NamedValue> values, string key)
    {
        foreach (var value in values)
        {
            if (value.Key == key)
            {
                return value.Value;
            }
        }

        return null;
    }
}

/// <summary>A label or an annotation.</summary>
/// <param name="Key">The full key, with its prefix.</param>
/// <param name="Value">The value.</param>
public readonly record struct NamedValue(string Key, string Value);

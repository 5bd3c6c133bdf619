namespace KubeProxyNet.ControlPlane.Sources;

/// <summary>Name of an object within its kind.</summary>
/// <param name="Namespace">The namespace; empty for kinds that have none.</param>
/// <param name="Name">The name.</param>
public readonly record struct ObjectName(string Namespace, string Name)
{
    /// <summary>Orders by namespace, then by name, ordinally.</summary>
    public static IComparer<ObjectName> Order { get; } = Comparer<ObjectName>.Create(
        (left, right) => string.CompareOrdinal(left.Namespace, right.Namespace) is var order and not 0
            ? order
            : string.CompareOrdinal(left.Name, right.Name));

    /// <summary><c>namespace/name</c>, or the name alone.</summary>
    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";
}

/// <summary>Identity of an object.</summary>
/// <param name="Kind">Kubernetes' kind, such as <c>Service</c>.</param>
/// <param name="Name">The name within the kind.</param>
public readonly record struct ObjectKey(string Kind, ObjectName Name)
{
    /// <summary><c>Kind namespace/name</c>.</summary>
    public override string ToString() => $"{Kind} {Name}";
}

namespace KubeProxyNet.Xds.Validation;

/// <summary>What kind of fault a <see cref="ConfigProblem"/> is, so that a caller may weigh it.</summary>
public enum ConfigProblemKind
{
    /// <summary>The value is wrong by itself; a proxy must not use the resource.</summary>
    Invalid,

    /// <summary>The value names a resource that does not exist in the same set.</summary>
    DanglingReference,

    /// <summary>
    /// A field asks for something that this build does not do (a value or an extension that it cannot do is invalid). Envoy ignores such fields over the wire unless it is
    /// told to reject them; using the resource all the same means to do less than it says.
    /// </summary>
    NotActedOn,
}

/// <summary>A fault in a message, whichever way the message came.</summary>
/// <param name="Kind">What kind of fault it is.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Message">What is wrong, without the path.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record ConfigProblem(ConfigProblemKind Kind, ConfigPath Path, string Message, string Remedy)
{
    /// <summary>The fault in one line: <c>PATH: MESSAGE; REMEDY</c>.</summary>
    public override string ToString() => $"{Path}: {Message}; {Remedy}";
}

namespace KubeProxyNet.ControlPlane;

/// <summary>
/// A text that is nobody's business, such as a private key. It compares like any text, but whatever prints it, a record that holds it included, prints
/// a placeholder.
/// </summary>
/// <param name="Value">The text itself, for the one who has to send it on.</param>
public readonly record struct Confidential(string Value)
{
    /// <summary>What stands for the text wherever it is printed.</summary>
    public const string Placeholder = "(withheld)";

    /// <summary>The placeholder.</summary>
    public override string ToString() => Placeholder;
}

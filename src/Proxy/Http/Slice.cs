namespace KubeProxyNet.Proxy.Http;

/// <summary>A range of a head's bytes.</summary>
public readonly record struct Slice(int Offset, int Length)
{
    /// <summary>First offset after the range.</summary>
    public int End => Offset + Length;

    /// <summary>True where the range holds no byte.</summary>
    public bool IsEmpty => Length == 0;
}

/// <summary>One header line of a head: where its lower-case name and its trimmed value lie.</summary>
public readonly record struct HeaderField(Slice Name, Slice Value, KnownHeader Id);

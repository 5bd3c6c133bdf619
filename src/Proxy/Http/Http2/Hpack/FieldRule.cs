namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>When the encoder puts a field into the dynamic table.</summary>
internal enum Indexing : byte
{
    /// <summary>When the same field came before, not long ago. What never comes twice costs no place in the table.</summary>
    OnRepeat,

    /// <summary>The first time: few values, which come again.</summary>
    AtOnce,

    /// <summary>Never for its value, which changes each time. A name that the static table does not have goes in with one value, to be referred to.</summary>
    ForName,

    /// <summary>Never, and nobody on the way may either: a secret, which lengths of blocks must not give away (RFC 7541 §7.1.3).</summary>
    Never,
}

/// <summary>What the encoder knows of a name beforehand.</summary>
internal sealed class FieldRule
{
    private readonly byte[] _name;

    public FieldRule(int number, ReadOnlySpan<byte> name, Indexing indexing, int secretLength = 0)
    {
        _name = name.ToArray();
        Number = number;
        Indexing = indexing;
        SecretLength = secretLength;
        NameHash = FieldHash.Of(name);
        StaticIndex = StaticTable.FirstWithName(name);
        while (StaticIndex > 0 && StaticIndex + StaticCount <= StaticTable.Count && StaticTable.Get(StaticIndex + StaticCount).Name.SequenceEqual(name))
        {
            StaticCount++;
        }
    }

    /// <summary>For a name of which nothing is known.</summary>
    public static FieldRule Unknown { get; } = new(0, default, Indexing.OnRepeat);

    /// <summary>Tells it from the others; 0 for all names that nothing is known of.</summary>
    public int Number { get; }

    public Indexing Indexing { get; }

    /// <summary>Values that are shorter can be guessed, and are <see cref="Indexing.Never"/>; 0 for most names.</summary>
    public int SecretLength { get; }

    public ReadOnlySpan<byte> Name => _name;

    /// <summary><see cref="FieldHash"/> of the name.</summary>
    public uint NameHash { get; }

    /// <summary>Its first entry in the static table; 0 where there is none.</summary>
    public int StaticIndex { get; }

    /// <summary>Number of its entries there, which follow each other.</summary>
    public int StaticCount { get; }
}

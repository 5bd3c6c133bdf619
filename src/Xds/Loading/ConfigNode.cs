using System.Text.Json;

namespace KubeProxyNet.Xds.Loading;

/// <summary>A value of a YAML or JSON document, with the place where it was written. Immutable; an alias shares the node of its anchor.</summary>
public abstract class ConfigNode
{
    private protected ConfigNode(int line, int column)
    {
        Line = line;
        Column = column;
    }

    /// <summary>Line of the first character, from 1.</summary>
    public int Line { get; }

    /// <summary>Column of the first character, from 1, in characters.</summary>
    public int Column { get; }

    /// <summary>How many nodes this one is, itself and what is in it.</summary>
    internal int Size { get; private set; } = 1;

    /// <summary>How many levels of nodes are in this one; 0 for a scalar.</summary>
    internal int Height { get; private set; }

    /// <summary>Writes the value as JSON. Hexadecimal and octal numbers become decimal; <c>.inf</c> and <c>.nan</c> become text.</summary>
    /// <param name="writer">Where to; not flushed.</param>
    public abstract void WriteTo(Utf8JsonWriter writer);

    /// <summary>The value as JSON text in UTF-8, for a reader that knows JSON only.</summary>
    public byte[] ToUtf8Json()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { MaxDepth = 1000 }))
        {
            WriteTo(writer);
        }

        return stream.ToArray();
    }

    /// <summary>Counts what is in this node; before anybody else sees it.</summary>
    private protected void Include(ConfigNode node)
    {
        Size += node.Size;
        Height = Math.Max(Height, node.Height + 1);
    }

    /// <summary>The value as a message shows it, such as <c>a list</c> or <c>the number 5</c>.</summary>
    internal abstract string Describe();
}

/// <summary>A list.</summary>
public sealed class ConfigSequence : ConfigNode
{
    internal ConfigSequence(int line, int column, IReadOnlyList<ConfigNode> items)
        : base(line, column)
    {
        Items = items;
        for (var i = 0; i < items.Count; i++)
        {
            Include(items[i]);
        }
    }

    /// <summary>The elements in order.</summary>
    public IReadOnlyList<ConfigNode> Items { get; }

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStartArray();
        foreach (var item in Items)
        {
            item.WriteTo(writer);
        }

        writer.WriteEndArray();
    }

    internal override string Describe() => "a list";
}

/// <summary>A key of a mapping, where it was written, and its value.</summary>
/// <param name="Key">The key's text.</param>
/// <param name="Line">Line of the key, from 1.</param>
/// <param name="Column">Column of the key, from 1.</param>
/// <param name="Value">The value.</param>
public readonly record struct ConfigMember(string Key, int Line, int Column, ConfigNode Value);

/// <summary>A mapping of text keys to values, in the order of the file. Keys are unique: a second one is an error of the parser.</summary>
public sealed class ConfigMapping : ConfigNode
{
    internal ConfigMapping(int line, int column, IReadOnlyList<ConfigMember> members)
        : base(line, column)
    {
        Members = members;
        for (var i = 0; i < members.Count; i++)
        {
            Include(members[i].Value);
        }
    }

    /// <summary>The members in the order of the file.</summary>
    public IReadOnlyList<ConfigMember> Members { get; }

    /// <summary>The value of a key; null where the key is missing.</summary>
    /// <param name="key">Compared with regard to case.</param>
    public ConfigNode? Find(string key)
    {
        foreach (var member in Members)
        {
            if (string.Equals(member.Key, key, StringComparison.Ordinal))
            {
                return member.Value;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStartObject();
        foreach (var member in Members)
        {
            writer.WritePropertyName(member.Key);
            member.Value.WriteTo(writer);
        }

        writer.WriteEndObject();
    }

    internal override string Describe() => "a mapping";
}

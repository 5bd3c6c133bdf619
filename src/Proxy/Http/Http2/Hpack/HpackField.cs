namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>A field out of a header block. Its bytes are valid until <see cref="IHpackFields.OnField"/> returns.</summary>
internal readonly ref struct HpackField
{
    /// <summary>The name as it was sent: nothing says yet that it is lower case, or a token.</summary>
    public required ReadOnlySpan<byte> Name { get; init; }

    /// <summary>The value as it was sent: nothing says yet what it holds.</summary>
    public required ReadOnlySpan<byte> Value { get; init; }

    /// <summary>The field as <c>name: value CR LF</c> where it stands in a table, so that one copy takes all of it; otherwise empty.</summary>
    public ReadOnlySpan<byte> Line { get; init; }

    /// <summary>Which name it is; right for every name, also one that was sent as text.</summary>
    public required KnownHeader Id { get; init; }

    /// <summary>Which pseudo-header it is; right for every name.</summary>
    public required PseudoHeader Pseudo { get; init; }

    /// <summary>True where the name is one of the static table, or of a field of this connection that was accepted before.</summary>
    public bool IsNameChecked { get; init; }

    /// <summary>True where name and value are ones of the static table, or just what this connection brought and had accepted before.</summary>
    public bool IsChecked { get; init; }

    /// <summary>True where nobody on the way may put the field into a table (RFC 7541 §6.2.3): it goes on the same way.</summary>
    public bool IsNeverIndexed { get; init; }
}

/// <summary>Takes the fields of a header block. A struct, so that the calls are direct.</summary>
internal interface IHpackFields
{
    /// <summary>
    /// Takes a field. True says that name and value are valid for themselves, whatever stood before them: the same field out of the table
    /// comes with <see cref="HpackField.IsChecked"/> then. False drops the rest of the block.
    /// </summary>
    bool OnField(scoped HpackField field);
}

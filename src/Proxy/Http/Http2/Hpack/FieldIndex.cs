namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>
/// Finds entries of a dynamic table by field and by name. Chains through the entries, newest first: one that was evicted ends its chain, so
/// that eviction costs nothing here.
/// </summary>
internal sealed class FieldIndex(DynamicTable table)
{
    // As many slots as the table, and twice as many heads.
    private Link[] _links = [];
    private uint[] _fieldHeads = [];
    private uint[] _nameHeads = [];

    // The newest entry of each rule's name.
    private readonly uint[] _recent = new uint[FieldRules.Count];

    /// <summary>The newest entry of a name with a rule, if it has that value.</summary>
    public bool TryRecent(FieldRule rule, ReadOnlySpan<byte> value, out uint sequence)
    {
        sequence = _recent[rule.Number];
        if (rule.Number == 0 || !table.IsThere(sequence) || LinkOf(sequence).Rule != rule.Number)
        {
            return false;
        }

        return value.SequenceEqual(table[sequence].ValueIn(table.Line(sequence)));
    }

    /// <summary>An entry with that name and value.</summary>
    public bool TryField(uint hash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out uint sequence)
    {
        sequence = _fieldHeads.Length == 0 ? 0 : _fieldHeads[hash & (_fieldHeads.Length - 1)];
        for (var left = table.Count; left > 0 && table.IsThere(sequence); left--)
        {
            ref var link = ref LinkOf(sequence);
            if (link.FieldHash == hash)
            {
                ref var entry = ref table[sequence];
                var line = table.Line(sequence);
                if (name.SequenceEqual(entry.NameIn(line)) && value.SequenceEqual(entry.ValueIn(line)))
                {
                    return true;
                }
            }

            sequence = link.NextField;
        }

        return false;
    }

    /// <summary>An entry with that name.</summary>
    public bool TryName(uint hash, ReadOnlySpan<byte> name, out uint sequence)
    {
        sequence = _nameHeads.Length == 0 ? 0 : _nameHeads[hash & (_nameHeads.Length - 1)];
        for (var left = table.Count; left > 0 && table.IsThere(sequence); left--)
        {
            ref var link = ref LinkOf(sequence);
            if (link.NameHash == hash && name.SequenceEqual(table[sequence].NameIn(table.Line(sequence))))
            {
                return true;
            }

            sequence = link.NextName;
        }

        return false;
    }

    /// <summary>Takes in the entry that was just added to the table.</summary>
    public void Add(FieldRule rule, uint nameHash, uint fieldHash)
    {
        if (_links.Length != table.Slots)
        {
            Grow();
        }

        LinkOf(table.Newest) = new Link { FieldHash = fieldHash, NameHash = nameHash, Rule = rule.Number };
        Chain(table.Newest);
        _recent[rule.Number] = table.Newest;
    }

    private ref Link LinkOf(uint sequence) => ref _links[(int)sequence & (_links.Length - 1)];

    private void Chain(uint sequence)
    {
        ref var link = ref LinkOf(sequence);
        ref var field = ref _fieldHeads[link.FieldHash & (_fieldHeads.Length - 1)];
        ref var name = ref _nameHeads[link.NameHash & (_nameHeads.Length - 1)];
        (link.NextField, field) = (field, sequence);
        (link.NextName, name) = (name, sequence);
    }

    // All but the newest entry, which has no link yet.
    private void Grow()
    {
        var old = _links;
        _links = new Link[table.Slots];
        _fieldHeads = new uint[table.Slots * 2];
        _nameHeads = new uint[table.Slots * 2];
        for (var age = (uint)table.Count - 1; age > 0; age--)
        {
            var sequence = table.Newest - age;
            LinkOf(sequence) = old[(int)sequence & (old.Length - 1)];
            Chain(sequence);
        }
    }

    private struct Link
    {
        public uint FieldHash;
        public uint NameHash;
        public uint NextField;
        public uint NextName;
        public int Rule;
    }
}

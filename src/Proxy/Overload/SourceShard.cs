namespace KubeProxyNet.Proxy.Overload;

/// <summary>
/// Some of the sources and their connections: a hash table with linear probing, in which what follows a source that leaves moves up, so that nothing is ever
/// left behind (Knuth, The Art of Computer Programming, volume 3, 6.4 algorithm R).
/// </summary>
internal sealed class SourceShard
{
    /// <summary>Most sources that it keeps count of.</summary>
    public const int MaxSources = MaxSlots / 4 * 3;

    private const int MaxSlots = 1024;
    private const int FirstSlots = 8;
    private const int ShardBits = 6;

    private readonly Lock _lock = new();
    private Entry[] _entries = new Entry[FirstSlots];
    private int _count;

    /// <summary>Sources that have connections.</summary>
    public int Count => Volatile.Read(ref _count);

    public SourceVerdict TryTake(UInt128 source, int hash, int limit)
    {
        lock (_lock)
        {
            var slot = Find(source, hash);
            ref var entry = ref _entries[slot];
            if (entry.Connections > 0)
            {
                if (entry.Connections >= limit)
                {
                    return SourceVerdict.Refused;
                }

                entry.Connections++;
                return SourceVerdict.Counted;
            }

            if (_count == _entries.Length / 4 * 3)
            {
                if (_entries.Length == MaxSlots)
                {
                    return SourceVerdict.Uncounted;
                }

                Grow();
                slot = Find(source, hash);
            }

            _entries[slot] = new Entry { Source = source, Hash = hash, Connections = 1 };
            _count++;
            return SourceVerdict.Counted;
        }
    }

    public void Return(UInt128 source, int hash)
    {
        lock (_lock)
        {
            var slot = Find(source, hash);
            if (--_entries[slot].Connections == 0)
            {
                _count--;
                Close(slot);
            }
        }
    }

    /// <summary>Where a source stands, or would.</summary>
    private int Find(UInt128 source, int hash)
    {
        var mask = _entries.Length - 1;
        var slot = Home(hash, mask);
        while (_entries[slot].Connections > 0 && _entries[slot].Source != source)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    /// <summary>Moves up what found its place taken by the source that left, so that it is found again.</summary>
    private void Close(int gap)
    {
        var mask = _entries.Length - 1;
        for (var slot = (gap + 1) & mask; _entries[slot].Connections > 0; slot = (slot + 1) & mask)
        {
            var distance = (slot - Home(_entries[slot].Hash, mask)) & mask;
            if (distance >= ((slot - gap) & mask))
            {
                _entries[gap] = _entries[slot];
                gap = slot;
            }
        }

        _entries[gap] = default;
    }

    private void Grow()
    {
        var before = _entries;
        _entries = new Entry[before.Length * 2];
        foreach (var entry in before)
        {
            if (entry.Connections > 0)
            {
                _entries[Find(entry.Source, entry.Hash)] = entry;
            }
        }
    }

    // The lowest bits chose the shard.
    private static int Home(int hash, int mask) => (hash >>> ShardBits) & mask;

    private struct Entry
    {
        public UInt128 Source;
        public int Hash;
        public int Connections;
    }
}

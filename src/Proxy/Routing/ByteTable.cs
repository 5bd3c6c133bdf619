using System.Numerics;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>An immutable hash table from byte strings to their index; open addressing, at most half full.</summary>
internal sealed class ByteTable
{
    private readonly byte[] _keys;
    private readonly Slot[] _slots;

    /// <summary>Key <c>i</c> gets the value <c>i</c>; keys are distinct.</summary>
    public ByteTable(IReadOnlyList<byte[]> keys)
    {
        Count = keys.Count;
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(keys.Count * 2, 2))];
        _keys = new byte[keys.Sum(key => key.Length)];
        var offset = 0;
        for (var i = 0; i < keys.Count; i++)
        {
            var key = keys[i];
            key.CopyTo(_keys, offset);
            var hash = ByteHash.Compute(key);
            var index = hash & (uint)(_slots.Length - 1);
            while (_slots[index].Value != 0)
            {
                index = (index + 1) & (uint)(_slots.Length - 1);
            }

            _slots[index] = new Slot { Hash = hash, Offset = offset, Length = key.Length, Value = i + 1 };
            offset += key.Length;
        }
    }

    /// <summary>Number of keys.</summary>
    public int Count { get; }

    /// <summary>Index of <paramref name="key"/>; -1 where it is not in the table.</summary>
    public int Find(ReadOnlySpan<byte> key)
    {
        var hash = ByteHash.Compute(key);
        var slots = _slots;
        var index = hash & (uint)(slots.Length - 1);
        while (true)
        {
            ref readonly var slot = ref slots[index];
            if (slot.Value == 0)
            {
                return -1;
            }

            if (slot.Hash == hash && _keys.AsSpan(slot.Offset, slot.Length).SequenceEqual(key))
            {
                return slot.Value - 1;
            }

            index = (index + 1) & (uint)(slots.Length - 1);
        }
    }

    private struct Slot
    {
        public uint Hash;
        public int Offset;
        public int Length;

        /// <summary>One more than the key's index; zero for a free slot.</summary>
        public int Value;
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using KubeProxyNet.Proxy.Routing.Hashing;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// An immutable hash table from lower-case host names to virtual hosts; open addressing, at most two thirds full. A name of usual length
/// stands in its slot, so that a look-up among many thousands costs about one miss of the processor's caches.
/// </summary>
internal sealed class HostTable
{
    private readonly Slot[] _slots;
    private readonly byte[] _longNames;

    /// <summary>Name <c>i</c> leads to virtual host <c>i</c>; names are distinct.</summary>
    public HostTable(byte[][] names, CompiledVirtualHost[] virtualHosts)
    {
        Count = names.Length;
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(names.Length * 3 / 2, 2))];
        _longNames = [.. names.Where(name => name.Length > InlineBytes.Length).SelectMany(name => name)];
        var offset = 0;
        for (var i = 0; i < names.Length; i++)
        {
            var name = names[i];
            var hash = ByteHash.Compute(name);
            var index = hash & (uint)(_slots.Length - 1);
            while (_slots[index].VirtualHost is not null)
            {
                index = (index + 1) & (uint)(_slots.Length - 1);
            }

            ref var slot = ref _slots[index];
            slot.VirtualHost = virtualHosts[i];
            slot.Hash = hash;
            slot.Index = i;
            slot.Length = name.Length;
            if (name.Length <= InlineBytes.Length)
            {
                name.CopyTo(slot.Name);
            }
            else
            {
                slot.LongNameOffset = offset;
                offset += name.Length;
            }
        }
    }

    /// <summary>Number of names.</summary>
    public int Count { get; }

    /// <summary>The virtual host of a name, and the index of the name; null where it is not in the table.</summary>
    public CompiledVirtualHost? Find(ReadOnlySpan<byte> name, out int nameIndex)
    {
        var hash = ByteHash.Compute(name);
        var slots = _slots;
        for (var index = hash & (uint)(slots.Length - 1); ; index = (index + 1) & (uint)(slots.Length - 1))
        {
            ref readonly var slot = ref slots[index];
            nameIndex = slot.Index;
            if (slot.VirtualHost is null || (slot.Hash == hash && slot.Length == name.Length && NameOf(in slot).SequenceEqual(name)))
            {
                return slot.VirtualHost;
            }
        }
    }

    private ReadOnlySpan<byte> NameOf(ref readonly Slot slot) => slot.Length <= InlineBytes.Length
        ? ((ReadOnlySpan<byte>)slot.Name)[..slot.Length]
        : _longNames.AsSpan(slot.LongNameOffset, slot.Length);

    private struct Slot
    {
        /// <summary>Null for a free slot.</summary>
        public CompiledVirtualHost? VirtualHost;
        public uint Hash;
        public int Index;
        public int Length;
        public int LongNameOffset;
        public InlineBytes Name;
    }

    [InlineArray(Length)]
    private struct InlineBytes
    {
        public const int Length = 40;

        private byte _first;
    }
}

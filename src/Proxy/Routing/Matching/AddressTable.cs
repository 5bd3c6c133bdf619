using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>
/// Blocks of addresses by length of their prefix: a look-up costs as much as there are lengths, not as there are blocks, and allocates nothing. Immutable.
/// </summary>
internal sealed class AddressTable
{
    private readonly Level[] _levels;

    /// <summary>Makes a table of blocks and their values.</summary>
    public AddressTable(IEnumerable<(CidrRange Range, int Value)> ranges)
    {
        _levels =
        [
            .. ranges.GroupBy(static entry => (entry.Range.Prefix.Length, entry.Range.FreeBits))
                .OrderBy(static level => level.Key.FreeBits)
                .Select(static level => new Level(level.Key.Length, level.Key.FreeBits, level
                    .GroupBy(entry => Masked(entry.Range.Prefix.Bits, level.Key.FreeBits))
                    .ToDictionary(static block => block.Key, static block => block.Select(static entry => entry.Value).Distinct().Order().ToArray()))),
        ];
    }

    /// <summary>Number of lengths; what <see cref="Find"/> is asked with is below it.</summary>
    public int LevelCount => _levels.Length;

    /// <summary>The values, in ascending order, of the blocks of one length that an address lies in; the first length is the longest.</summary>
    public ReadOnlySpan<int> Find(int level, IpAddress address)
    {
        ref readonly var at = ref _levels[level];
        return at.Length == address.Length && at.Values.TryGetValue(Masked(address.Bits, at.FreeBits), out var values) ? values : default;
    }

    /// <summary>Whether an address lies in any of the blocks.</summary>
    public bool Contains(IpAddress address)
    {
        for (var i = 0; i < _levels.Length; i++)
        {
            if (!Find(i, address).IsEmpty)
            {
                return true;
            }
        }

        return false;
    }

    private static UInt128 Masked(UInt128 bits, int freeBits) => freeBits >= 128 ? 0 : bits >> freeBits;

    /// <summary>The blocks of one length.</summary>
    /// <param name="Length">Bits of their addresses: 32 or 128.</param>
    /// <param name="FreeBits">Bits that do not count.</param>
    /// <param name="Values">What the others lead to.</param>
    private readonly record struct Level(int Length, int FreeBits, Dictionary<UInt128, int[]> Values);
}

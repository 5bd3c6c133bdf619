using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>What comes next by address: the longest range that holds it decides. The cost depends on how many lengths of prefixes there are.</summary>
internal sealed class RangeLevel<TNext>
    where TNext : class, new()
{
    // Longest prefixes first; few lengths are in use.
    private List<SameLength>? _lengths;
    private TNext? _any;

    /// <summary>What a range leads to, made where it leads nowhere yet; null is any address.</summary>
    public TNext Add(CidrRange? range)
    {
        if (range is null)
        {
            return _any ??= new TNext();
        }

        _lengths ??= [];
        var family = range.Prefix.Length;
        var length = _lengths.Find(other => other.Family == family && other.PrefixLength == range.PrefixLength);
        if (length is null)
        {
            length = new SameLength(family, range.PrefixLength);
            _lengths.Add(length);
            _lengths.Sort(static (left, right) => right.PrefixLength.CompareTo(left.PrefixLength));
        }

        var key = length.KeyOf(range.Prefix);
        if (!length.Ranges.TryGetValue(key, out var next))
        {
            length.Ranges[key] = next = new TNext();
        }

        return next;
    }

    /// <summary>What an address leads to; null for nothing.</summary>
    public TNext? Find(IpAddress address)
    {
        if (_lengths is null)
        {
            return _any;
        }

        foreach (var length in _lengths)
        {
            if (length.Family == address.Length && length.Ranges.TryGetValue(length.KeyOf(address), out var next))
            {
                return next;
            }
        }

        return _any;
    }

    /// <summary>The ranges of one length of prefix, by its bits.</summary>
    private sealed record SameLength(int Family, int PrefixLength)
    {
        public Dictionary<UInt128, TNext> Ranges { get; } = [];

        // A shift by all bits would be none.
        public UInt128 KeyOf(IpAddress address) => PrefixLength == 0 ? 0 : address.Bits >> (Family - PrefixLength);
    }
}

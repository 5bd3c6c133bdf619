using System.IO.Hashing;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// The table of Maglev (Eisenbud and others, 2016, §3.4), with weights as in Envoy: endpoints take entries in turn, each in an order of its own.
/// </summary>
internal sealed class MaglevTable : IHashTable
{
    // One of the two: a byte an entry is enough for most clusters, and there may be many of them.
    private readonly byte[]? _few;
    private readonly int[] _many = [];
    private readonly int _size;

    /// <summary>Fills the table.</summary>
    /// <param name="shares">At least one endpoint.</param>
    /// <param name="size">Number of entries; a prime, so that every endpoint's order visits all of them.</param>
    public MaglevTable(HashShare[] shares, int size)
    {
        var entries = new int[size];
        Array.Fill(entries, -1);

        // The order of turns has to be the same whatever order endpoints come in.
        var places = Enumerable.Range(0, shares.Length).ToArray();
        Array.Sort(places, (a, b) => shares[a].Key.AsSpan().SequenceCompareTo(shares[b].Key) is var order and not 0 ? order : a - b);
        var claims = Array.ConvertAll(places, place => new Claim(place, shares[place], size));
        var most = shares.Max(static share => share.Weight);
        for (int round = 1, filled = 0; filled < size; round++)
        {
            foreach (var claim in claims)
            {
                // The heaviest endpoint takes an entry in each round, one of a third of its weight in every third.
                if (filled < size && round * claim.Weight >= claim.Target)
                {
                    claim.Target += most;
                    claim.TakeNext(entries);
                    filled++;
                }
            }
        }

        _size = size;
        Size = HashTableSize.Of(entries, shares.Length);
        if (shares.Length <= byte.MaxValue + 1)
        {
            _few = Array.ConvertAll(entries, static entry => (byte)entry);
        }
        else
        {
            _many = entries;
        }
    }

    public HashTableSize Size { get; }

    public int IndexOf(ulong hash, int attempt)
    {
        if (attempt > 0)
        {
            hash ^= ulong.MaxValue - (ulong)attempt + 1;
        }

        var place = hash % (ulong)_size;
        return _few is not null ? _few[place] : _many[place];
    }

    /// <summary>An endpoint's way through the table.</summary>
    private sealed class Claim(int place, HashShare share, int size)
    {
        private readonly ulong _skip = (XxHash64.HashToUInt64(share.Key, seed: 1) % (ulong)(size - 1)) + 1;
        private ulong _next = XxHash64.HashToUInt64(share.Key) % (ulong)size;

        public double Weight { get; } = share.Weight;

        /// <summary>What the weight has to have grown to by the round of the next entry.</summary>
        public double Target { get; set; }

        public void TakeNext(int[] entries)
        {
            while (entries[_next] >= 0)
            {
                Advance(entries.Length);
            }

            entries[_next] = place;
            Advance(entries.Length);
        }

        private void Advance(int length) => _next = (_next + _skip) % (ulong)length;
    }
}

using System.Buffers.Text;
using System.IO.Hashing;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// A ring of hashes ("ketama"): every endpoint has places on it in proportion to its weight, and a hash belongs to the next place. Laid out as in
/// Envoy, so that both lead a hash to the same endpoint.
/// </summary>
internal sealed class HashRing : IHashTable
{
    private const int MaxNumberLength = 11;

    private readonly ulong[] _hashes;
    private readonly int[] _owners;

    // For each value of the highest bits the first place that may follow: about one place each, which makes a search a matter of one or two steps.
    private readonly int[] _starts;
    private readonly int _shift;

    /// <summary>Lays out the ring.</summary>
    /// <param name="shares">At least one endpoint.</param>
    /// <param name="minimumSize">Places at least.</param>
    /// <param name="maximumSize">Places at most.</param>
    /// <param name="function">Hash function for the places.</param>
    public HashRing(HashShare[] shares, int minimumSize, int maximumSize, HashFunction function)
    {
        // The endpoint with the least weight gets a whole number of places; the others come as near as running sums allow.
        var least = shares.Min(static share => share.Weight);
        var scale = Math.Min(Math.Ceiling(least * minimumSize) / least, maximumSize);
        var hashes = new List<ulong>((int)Math.Ceiling(scale) + 1);
        var owners = new List<int>(hashes.Capacity);
        var target = 0.0;
        for (var i = 0; i < shares.Length; i++)
        {
            target += scale * shares[i].Weight;
            AddPlaces(i, shares[i].Key, target, function, hashes, owners);
        }

        _hashes = [.. hashes];
        _owners = [.. owners];
        Array.Sort(_hashes, _owners);
        var bits = Math.Clamp(System.Numerics.BitOperations.Log2((uint)_hashes.Length), 1, 24);
        _shift = 64 - bits;
        Size = HashTableSize.Of(_owners, shares.Length);
        _starts = new int[1 << bits];
        for (int bucket = 0, place = 0; bucket < _starts.Length; bucket++)
        {
            while (place < _hashes.Length && _hashes[place] >> _shift < (ulong)bucket)
            {
                place++;
            }

            _starts[bucket] = place;
        }
    }

    public HashTableSize Size { get; }

    public int IndexOf(ulong hash, int attempt)
    {
        var place = _starts[hash >> _shift];
        while (place < _hashes.Length && _hashes[place] < hash)
        {
            place++;
        }

        // Behind the last place comes the first; every attempt moves on by as many places as it has.
        return _owners[(int)(((uint)place + (uint)attempt) % (uint)_hashes.Length)];
    }

    private static void AddPlaces(int owner, byte[] key, double target, HashFunction function, List<ulong> hashes, List<int> owners)
    {
        var name = new byte[key.Length + 1 + MaxNumberLength];
        key.CopyTo(name, 0);
        name[key.Length] = (byte)'_';
        for (var i = 0; hashes.Count < target; i++)
        {
            Utf8Formatter.TryFormat(i, name.AsSpan(key.Length + 1), out var length);
            var text = name.AsSpan(0, key.Length + 1 + length);
            hashes.Add(function == HashFunction.MurmurHash2 ? MurmurHash2.Hash(text) : XxHash64.HashToUInt64(text));
            owners.Add(owner);
        }
    }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Overload;

/// <summary>What asking for a place gave.</summary>
internal enum SourceVerdict : byte
{
    /// <summary>The connection is counted: its place is to be given back.</summary>
    Counted,

    /// <summary>Its source has as many as it may have.</summary>
    Refused,

    /// <summary>There are more sources than are kept count of: the connection may go on, and has no place.</summary>
    Uncounted,
}

/// <summary>
/// Counts connections by source over all workers. A table of fixed most size, in shards with a lock each: a look is a hash, a lock that is hardly ever waited
/// for and a few neighbouring entries. Nothing is allocated once a shard has grown to what there is.
/// </summary>
internal sealed class SourceConnections
{
    /// <summary>Most sources that are kept count of.</summary>
    public const int MaxSources = ShardCount * SourceShard.MaxSources;

    private const int ShardCount = 64;

    private readonly SourceShard[] _shards = new SourceShard[ShardCount];
    private readonly int _ipv4Shift;
    private readonly int _ipv6Shift;
    private int _limit;

    public SourceConnections(SourceConnectionLimit settings)
    {
        Settings = settings;
        _limit = settings.MaxConnections;
        _ipv4Shift = 32 - settings.Ipv4PrefixLength;
        _ipv6Shift = 128 - settings.Ipv6PrefixLength;
        for (var i = 0; i < _shards.Length; i++)
        {
            _shards[i] = new SourceShard();
        }
    }

    /// <summary>The settings that it was made with; <see cref="TryChange"/> may have changed the limit since.</summary>
    public SourceConnectionLimit Settings { get; private set; }

    /// <summary>Sources that have connections, as of some recent moment.</summary>
    public int Count => _shards.Sum(static shard => shard.Count);

    /// <summary>Takes other settings on; false where they make sources in another way, so that the counts would mean nothing.</summary>
    public bool TryChange(SourceConnectionLimit settings)
    {
        if (settings.Ipv4PrefixLength != Settings.Ipv4PrefixLength || settings.Ipv6PrefixLength != Settings.Ipv6PrefixLength)
        {
            return false;
        }

        Settings = settings;
        Volatile.Write(ref _limit, settings.MaxConnections);
        return true;
    }

    /// <summary>Takes a place for a connection from this address.</summary>
    public SourceVerdict TryTake(IpAddress address)
    {
        var source = SourceOf(address);
        return ShardOf(source, out var hash).TryTake(source, hash, Volatile.Read(ref _limit));
    }

    /// <summary>Gives the place of a connection back that was <see cref="SourceVerdict.Counted"/>.</summary>
    public void Return(IpAddress address)
    {
        var source = SourceOf(address);
        ShardOf(source, out var hash).Return(source, hash);
    }

    /// <summary>IPv4 in the form that it has in IPv6, which no IPv6 address has here: it would be an IPv4 address.</summary>
    private UInt128 SourceOf(IpAddress address) => address.Length == 32
        ? ((UInt128)0xFFFF << 32) | (address.Bits >> _ipv4Shift << _ipv4Shift)
        : address.Bits >> _ipv6Shift << _ipv6Shift;

    private SourceShard ShardOf(UInt128 source, out int hash)
    {
        // The hash differs from process to process, so that nobody outside can choose addresses that meet.
        hash = HashCode.Combine((ulong)(source >> 64), (ulong)source);
        return _shards[hash & (ShardCount - 1)];
    }
}

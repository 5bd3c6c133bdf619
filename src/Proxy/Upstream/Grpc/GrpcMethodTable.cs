using System.Collections.Concurrent;
using System.Text;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.Grpc;

/// <summary>The counters of a cluster's methods by path, made as calls come. Any worker may ask; looking up one that is there takes no lock and allocates nothing.</summary>
internal sealed class GrpcMethodTable
{
    /// <summary>Most methods that are told apart: names come from clients, who could think of any number. Envoy has no bound.</summary>
    public const int MaxMethods = 1000;

    private readonly ConcurrentDictionary<byte[], GrpcMethodStats> _methods = new(PathComparer.Instance);
    private readonly ConcurrentDictionary<byte[], GrpcMethodStats>.AlternateLookup<ReadOnlySpan<byte>> _byPath;
    private readonly StatRegistry _registry;
    private readonly string _prefix;
    private readonly bool _replacesDots;

    /// <summary>Creates a table without methods.</summary>
    /// <param name="registry">Where counters are registered.</param>
    /// <param name="prefix">What their names begin with, dot included.</param>
    /// <param name="replacesDots">True to write the names of services with underscores for dots.</param>
    public GrpcMethodTable(StatRegistry registry, string prefix, bool replacesDots = false)
    {
        _registry = registry;
        _prefix = prefix;
        _replacesDots = replacesDots;
        _byPath = _methods.GetAlternateLookup<ReadOnlySpan<byte>>();
        All = new GrpcMethodStats(registry, prefix);
    }

    /// <summary>The counters of calls whose methods are not told apart.</summary>
    public GrpcMethodStats All { get; }

    /// <summary>The counters of the method of a path without query; null where the path is not <c>/SERVICE/METHOD</c>.</summary>
    public GrpcMethodStats? Find(ReadOnlySpan<byte> path)
    {
        if (_byPath.TryGetValue(path, out var stats))
        {
            return stats;
        }

        if (!TrySplit(path, out var service, out var method))
        {
            return null;
        }

        if (_methods.Count >= MaxMethods)
        {
            return All;
        }

        var name = Encoding.UTF8.GetString(service);
        stats = new GrpcMethodStats(_registry, $"{_prefix}{(_replacesDots ? name.Replace('.', '_') : name)}.{Encoding.UTF8.GetString(method)}.");
        return _methods.GetOrAdd(path.ToArray(), stats);
    }

    /// <summary>The two parts of a path without query; false where there are more or fewer. Empty ones do not count, as in Envoy.</summary>
    public static bool TrySplit(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> service, out ReadOnlySpan<byte> method)
    {
        path = path.Trim((byte)'/');
        var slash = path.IndexOf((byte)'/');
        service = slash < 0 ? default : path[..slash];
        method = slash < 0 ? default : path[slash..].TrimStart((byte)'/');
        return slash > 0 && !method.Contains((byte)'/');
    }

    private sealed class PathComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static PathComparer Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}

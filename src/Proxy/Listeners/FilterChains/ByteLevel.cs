using System.Text;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>What comes next by a name, and what comes next where no name is asked for.</summary>
internal sealed class ByteLevel<TNext>
    where TNext : class, new()
{
    private Dictionary<byte[], TNext>? _named;

    /// <summary>What asks for no name; null for none.</summary>
    public TNext? Any { get; private set; }

    /// <summary>What a name leads to, made where it leads nowhere yet; the empty name to <see cref="Any"/>.</summary>
    public TNext Add(string name)
    {
        if (name.Length == 0)
        {
            return Any ??= new TNext();
        }

        _named ??= new Dictionary<byte[], TNext>(ByteKeyComparer.Instance);
        var key = Encoding.UTF8.GetBytes(name);
        if (!_named.TryGetValue(key, out var next))
        {
            _named[key] = next = new TNext();
        }

        return next;
    }

    /// <summary>What a name leads to; null for nothing. The empty name is none.</summary>
    public TNext? Find(ReadOnlySpan<byte> name) =>
        _named is not null && _named.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var next) ? next : null;
}

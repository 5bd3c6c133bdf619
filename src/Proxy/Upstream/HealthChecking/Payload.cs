using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>Bytes to send or to find. Equal where the bytes are. Immutable.</summary>
public sealed class Payload : IEquatable<Payload>
{
    private readonly byte[] _bytes;

    /// <summary>By position: how much of the payload still matches when the byte there does not (Knuth, Morris and Pratt, 1977).</summary>
    private readonly int[] _fallBack;

    /// <summary>Copies the bytes.</summary>
    public Payload(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes.ToArray();
        _fallBack = new int[_bytes.Length];
        for (int i = 1, matched = 0; i < _bytes.Length; i++)
        {
            matched = Next(matched, _bytes[i]);
            _fallBack[i] = matched;
        }
    }

    /// <summary>No bytes.</summary>
    public static Payload Empty { get; } = new([]);

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <inheritdoc/>
    public bool Equals(Payload? other) => other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Payload);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <summary>How many of the first bytes are matched after one more byte, where <paramref name="matched"/>, but not all, were before.</summary>
    internal int Next(int matched, byte next)
    {
        while (matched > 0 && _bytes[matched] != next)
        {
            matched = _fallBack[matched - 1];
        }

        return _bytes[matched] == next ? matched + 1 : 0;
    }
}

/// <summary>
/// Looks for payloads in bytes as they arrive, each behind the one before and not necessarily next to it (Envoy documentation, "L3/L4 health checking").
/// It keeps no bytes, however many come.
/// </summary>
internal struct PayloadSearch(ValueList<Payload> wanted)
{
    private int _found;
    private int _matched;

    /// <summary>True once all were found.</summary>
    public readonly bool IsComplete => _found == wanted.Count;

    public void Take(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (IsComplete)
            {
                return;
            }

            var payload = wanted[_found];
            _matched = payload.Next(_matched, b);
            if (_matched == payload.Bytes.Length)
            {
                _found++;
                _matched = 0;
            }
        }
    }
}

using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Tls.Inspection;

/// <summary>Takes fields and vectors off the front of TLS structures (RFC 8446 §3.4).</summary>
internal ref struct VectorReader(Span<byte> bytes)
{
    private Span<byte> _rest = bytes;

    public readonly bool IsEmpty => _rest.IsEmpty;

    /// <summary>Takes so many bytes; false where fewer are left.</summary>
    public bool TryTake(int length, out Span<byte> taken)
    {
        if (_rest.Length < length)
        {
            taken = default;
            return false;
        }

        taken = _rest[..length];
        _rest = _rest[length..];
        return true;
    }

    /// <summary>Takes a vector whose length stands before it in one or two bytes; false where less is left.</summary>
    public bool TryTakeVector(int lengthBytes, out Span<byte> taken)
    {
        taken = default;
        return TryTake(lengthBytes, out var length) && TryTake(lengthBytes == 1 ? length[0] : BinaryPrimitives.ReadUInt16BigEndian(length), out taken);
    }
}

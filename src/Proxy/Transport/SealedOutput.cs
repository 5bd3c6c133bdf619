namespace KubeProxyNet.Proxy.Transport;

/// <summary>Where a worker's secure layers put together what they send, so that several records leave with one system call. Nothing stays here over a suspension.</summary>
internal sealed class SealedOutput
{
    /// <summary>Most plaintext of one record of TLS (RFC 8446 section 5.1).</summary>
    public const int MaxRecord = 16 * 1024;

    private const int Capacity = 8 * (MaxRecord + 256);

    private readonly byte[] _sealed = GC.AllocateUninitializedArray<byte>(Capacity, pinned: true);
    private int _length;

    /// <summary>Where the two parts of one record are joined.</summary>
    public byte[] Record { get; } = GC.AllocateUninitializedArray<byte>(MaxRecord, pinned: true);

    /// <summary>Adds to what a connection is about to send; what has no room is sent before.</summary>
    public void Append(Connection connection, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_length == Capacity)
            {
                SendAll(connection, Native.MsgNoSignal);
            }

            var count = Math.Min(bytes.Length, Capacity - _length);
            bytes[..count].CopyTo(_sealed.AsSpan(_length));
            _length += count;
            bytes = bytes[count..];
        }
    }

    /// <summary>Sends what was added.</summary>
    /// <returns>How many bytes that were.</returns>
    public int SendAll(Connection connection, int flags)
    {
        var length = _length;
        _length = 0;
        if (length > 0)
        {
            connection.SendSealed(_sealed.AsSpan(0, length), flags);
        }

        return length;
    }
}

namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// What a worker's connections have received in one turn of the loop, small pieces only: read for all that are ready before anybody looks at the first. The kernel's code for
/// reading and then ours stay in the processor's nearest cache so, and do not push each other out with every message.
/// </summary>
/// <remarks>Measured: perf/results. Whoever awaits input is resumed in the same turn and takes it by <see cref="Connection.Receive"/>.</remarks>
internal sealed class TurnInput
{
    /// <summary>Most bytes of a connection; what it has beyond is read by who awaits it.</summary>
    public const int MaxPiece = 4 * 1024;

    private const int Capacity = 256 * 1024;
    private const int CacheLine = 64;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(Capacity, pinned: true);
    private readonly Connection[] _receivers = new Connection[Capacity / CacheLine];
    private int _count;
    private int _used;
    private int _untaken;

    /// <summary>Where the next piece may stand; empty where there is no room.</summary>
    public Span<byte> Room => Capacity - _used >= MaxPiece ? _bytes.AsSpan(_used, MaxPiece) : default;

    /// <summary>Keeps the first bytes of <see cref="Room"/> for a connection, and says where they stand.</summary>
    public int Keep(Connection receiver, int length)
    {
        var start = _used;
        _receivers[_count++] = receiver;
        _used += (length + CacheLine - 1) & -CacheLine;
        _untaken++;
        return start;
    }

    /// <summary>What stands in a range.</summary>
    public ReadOnlySpan<byte> Bytes(int start, int length) => _bytes.AsSpan(start, length);

    /// <summary>A connection has taken all of its piece, or wants it no more.</summary>
    public void Taken() => _untaken--;

    /// <summary>All have been resumed: what was not taken is moved to where it may stay.</summary>
    public void End()
    {
        if (_untaken > 0)
        {
            foreach (var receiver in _receivers.AsSpan(0, _count))
            {
                receiver.SetAside();
            }
        }

#if KPN_CHECKED
        _bytes.AsSpan(0, _used).Fill(0xDB);
#endif
        _receivers.AsSpan(0, _count).Clear();
        _count = _used = 0;
    }
}

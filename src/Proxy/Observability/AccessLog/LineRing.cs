namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// A bounded queue of bytes between one producer and one consumer without a lock. What is put in lies in one piece, so a line can be
/// formatted in place; at the end of the buffer the producer starts over at the front where that is free.
/// </summary>
internal sealed class LineRing(int capacity)
{
    private readonly byte[] _buffer = new byte[capacity];

    // The consumer owns _head, the producer owns _tail and _end. _tail == _head is empty. Where _tail is below _head, the data runs from
    // _head to _end and goes on from 0 to _tail; _end is written before the _tail that makes it matter.
    private int _head;
    private int _tail;
    private int _end;

    /// <summary>Producer: free room behind the data up to the end of the buffer, in one piece.</summary>
    internal Span<byte> RoomAtTail()
    {
        var head = Volatile.Read(ref _head);
        if (_tail < head)
        {
            return _buffer.AsSpan(_tail, head - _tail - 1);
        }

        // A tail that comes to rest at the very end must still differ from a head at 0.
        return _buffer.AsSpan(_tail, _buffer.Length - _tail - (head == 0 ? 1 : 0));
    }

    /// <summary>Producer: free room at the front, for data that does not fit behind; empty where the data already runs over the end.</summary>
    internal Span<byte> RoomAtFront()
    {
        var head = Volatile.Read(ref _head);
        return _tail >= head && head > 0 ? _buffer.AsSpan(0, head - 1) : default;
    }

    /// <summary>Producer: publishes bytes written to <see cref="RoomAtTail"/>.</summary>
    internal void CommitAtTail(int length) => Volatile.Write(ref _tail, _tail + length);

    /// <summary>Producer: publishes bytes written to <see cref="RoomAtFront"/>.</summary>
    internal void CommitAtFront(int length)
    {
        _end = _tail;
        Volatile.Write(ref _tail, length);
    }

    /// <summary>Consumer: the oldest bytes in one piece; empty where there are none.</summary>
    internal ReadOnlySpan<byte> Peek()
    {
        var tail = Volatile.Read(ref _tail);
        if (tail < _head && _head == _end)
        {
            Volatile.Write(ref _head, 0);
        }

        return tail < _head ? _buffer.AsSpan(_head, _end - _head) : _buffer.AsSpan(_head, tail - _head);
    }

    /// <summary>Consumer: gives the room of bytes from <see cref="Peek"/> back.</summary>
    internal void Release(int length)
    {
        var head = _head + length;
        Volatile.Write(ref _head, Volatile.Read(ref _tail) < head && head == _end ? 0 : head);
    }
}

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>The client connections of one listener on one worker, so that a drain finds them.</summary>
internal sealed class DownstreamConnections
{
    private DownstreamConnection? _first;

    public int Count { get; private set; }

    public void Add(DownstreamConnection connection)
    {
        connection.Next = _first;
        if (_first is not null)
        {
            _first.Previous = connection;
        }

        _first = connection;
        Count++;
    }

    public void Remove(DownstreamConnection connection)
    {
        if (connection.Previous is null)
        {
            _first = connection.Next;
        }
        else
        {
            connection.Previous.Next = connection.Next;
        }

        if (connection.Next is not null)
        {
            connection.Next.Previous = connection.Previous;
        }

        connection.Next = connection.Previous = null;
        Count--;
    }

    /// <summary>Resets the connections that hold the most: those that hold at least half as much as the first of them, at most so many.</summary>
    /// <returns>How many.</returns>
    public int ResetLargest(int atMost)
    {
        const int WorthIt = 64 * 1024;
        var largest = 0;
        for (var connection = _first; connection is not null; connection = connection.Next)
        {
            largest = Math.Max(largest, connection.HeldBytes);
        }

        var count = 0;
        var threshold = Math.Max(WorthIt, largest / 2);
        for (var connection = _first; connection is not null && count < atMost; connection = connection.Next)
        {
            if (connection.HeldBytes >= threshold)
            {
                connection.ResetForMemory();
                count++;
            }
        }

        return count;
    }

    /// <summary>Tells every connection that the listener goes away.</summary>
    public void Drain(long idleGraceMs)
    {
        for (var connection = _first; connection is not null; connection = connection.Next)
        {
            connection.Drain(idleGraceMs);
        }
    }
}

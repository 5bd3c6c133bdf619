using KubeProxyNet.Proxy.Listeners.Http1;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>The client connections of one listener on one worker, so that a drain finds them.</summary>
internal sealed class DownstreamConnections
{
    private DownstreamHttp1? _first;

    public int Count { get; private set; }

    public void Add(DownstreamHttp1 connection)
    {
        connection.Next = _first;
        if (_first is not null)
        {
            _first.Previous = connection;
        }

        _first = connection;
        Count++;
    }

    public void Remove(DownstreamHttp1 connection)
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

    /// <summary>Tells every connection that the listener goes away.</summary>
    public void Drain(long idleGraceMs)
    {
        for (var connection = _first; connection is not null; connection = connection.Next)
        {
            connection.Drain(idleGraceMs);
        }
    }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>
/// The connections of one worker to one endpoint. Unused ones are kept last in, first out, so that a small load keeps few; the number is
/// bounded by <see cref="MaxIdle"/>, and the number in use by the requests under way.
/// </summary>
internal sealed class ConnectionPool(Worker worker, EndpointState endpoint)
{
    /// <summary>Most unused connections kept by a worker for an endpoint.</summary>
    public const int MaxIdle = 1024;

    private UpstreamConnection? _idle;
    private int _idleCount;

    public EndpointState Endpoint => endpoint;

    public Worker Worker => worker;

    /// <summary>Connections that are open or opening.</summary>
    public int OpenConnections { get; private set; }

    /// <summary>A kept connection; null where there is none.</summary>
    public UpstreamConnection? TryTake()
    {
        var connection = _idle;
        if (connection is null)
        {
            return null;
        }

        Unlink(connection);
        connection.LeaveIdle();
        return connection;
    }

    /// <summary>Starts a new connection; await <see cref="UpstreamConnection.ConnectAsync"/>. Null where the system gives no socket.</summary>
    public UpstreamConnection? Open()
    {
        var descriptor = ConnectSocket.Start(endpoint.Address);
        if (descriptor < 0)
        {
            worker.Stats.Increment(endpoint.Cluster.Stats.ConnectFail);
            return null;
        }

        OpenConnections++;
        var stats = endpoint.Cluster.Stats;
        worker.Stats.Increment(stats.ConnectionsTotal);
        worker.Stats.Add(stats.ConnectionsActive, 1);
        return new UpstreamConnection(this, descriptor);
    }

    /// <summary>Takes a connection back after a complete exchange, or closes it where it must not be kept.</summary>
    public void Release(UpstreamConnection connection)
    {
        if (endpoint.IsRetired || _idleCount >= MaxIdle || !connection.CanBeKept)
        {
            connection.Close();
            return;
        }

        connection.NextIdle = _idle;
        if (_idle is not null)
        {
            _idle.PreviousIdle = connection;
        }

        _idle = connection;
        _idleCount++;
        connection.EnterIdle();
    }

    /// <summary>Closes every unused connection.</summary>
    public void CloseIdle()
    {
        while (_idle is { } connection)
        {
            connection.Close();
        }
    }

    /// <summary>Told by a connection that it has closed.</summary>
    public void OnClosed(UpstreamConnection connection, bool wasIdle)
    {
        if (wasIdle)
        {
            Unlink(connection);
        }

        OpenConnections--;
        worker.Stats.Add(endpoint.Cluster.Stats.ConnectionsActive, -1);
    }

    private void Unlink(UpstreamConnection connection)
    {
        if (connection.PreviousIdle is null)
        {
            _idle = connection.NextIdle;
        }
        else
        {
            connection.PreviousIdle.NextIdle = connection.NextIdle;
        }

        if (connection.NextIdle is not null)
        {
            connection.NextIdle.PreviousIdle = connection.PreviousIdle;
        }

        connection.NextIdle = connection.PreviousIdle = null;
        _idleCount--;
    }
}

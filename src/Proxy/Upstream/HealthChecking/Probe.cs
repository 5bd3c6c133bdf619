using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>How one check ended.</summary>
/// <param name="IsSuccess">True where the endpoint answered as it should.</param>
/// <param name="IsDegraded">True where it said that it is degraded.</param>
/// <param name="Failure">Why it failed.</param>
/// <param name="IsRetriable">True for a wrong answer that counts towards the threshold.</param>
/// <param name="IsExclusion">True where the wrong answer asks to be left out of everything at once (<c>x-envoy-immediate-health-check-fail</c>).</param>
internal readonly record struct ProbeResult(bool IsSuccess, bool IsDegraded = false, HealthCheckFailure Failure = default, bool IsRetriable = false, bool IsExclusion = false)
{
    public static ProbeResult Network => new(false, Failure: HealthCheckFailure.Network);

    public static ProbeResult TimedOut => new(false, Failure: HealthCheckFailure.NetworkTimeout);
}

/// <summary>What a probe connects to.</summary>
/// <param name="endpoint">The endpoint.</param>
/// <param name="config">What is different about it.</param>
internal sealed class ProbeTarget(EndpointState endpoint, EndpointHealthCheckConfig config)
{
    public EndpointState Endpoint => endpoint;

    public EndpointHealthCheckConfig Config => config;

    /// <summary>Where a new connection goes.</summary>
    public SocketEndpoint Address => config.TargetOf(endpoint.Address);
}

/// <summary>Checks one endpoint, again and again, over connections of its own. One worker owns it.</summary>
internal abstract class Probe(ClusterHealthChecks cluster, ProbeTarget target) : IConnectionOwner
{
    private Connection? _connection;
    private bool _isChecking;
    private bool _timedOut;
    private long _endMs;

    /// <summary>Told where the peer ends a connection that waits for the next check, where that is a failure.</summary>
    public required Action Lost { get; init; }

    protected ClusterHealthChecks Cluster => cluster;

    protected Worker Worker => cluster.Runner;

    /// <summary>True once the time of the check that runs is over.</summary>
    protected bool HasTimedOut => _timedOut;

    /// <summary>A probe of the configured kind.</summary>
    /// <param name="cluster">The cluster's checks.</param>
    /// <param name="target">What is checked.</param>
    /// <param name="lost">See <see cref="Lost"/>.</param>
    public static Probe Create(ClusterHealthChecks cluster, ProbeTarget target, Action lost) => cluster.Config.Probe switch
    {
        HttpHealthCheck { UsesHttp2: true } http => new Http2Probe(cluster, http, target) { Lost = lost },
        GrpcHealthCheck grpc => new GrpcProbe(cluster, grpc, target) { Lost = lost },
        HttpHealthCheck http => new HttpProbe(cluster, http, target) { Lost = lost },
        TcpHealthCheck tcp => new TcpProbe(cluster, tcp, target) { Lost = lost },
        var other => throw new NotSupportedException($"There is no probe for {other.GetType()}."),
    };

    /// <summary>One check: connects if need be, and takes no longer than the timeout. After <see cref="Close"/> the result says nothing.</summary>
    public async LoopTask<ProbeResult> CheckAsync()
    {
        _timedOut = false;
        _isChecking = true;
        var isNew = _connection is null;
        if (isNew && ConnectSocket.Start(target.Address) is var descriptor)
        {
            if (descriptor < 0)
            {
                _isChecking = false;
                return ProbeResult.Network;
            }

            _connection = new Connection(Worker, descriptor, this, writable: false);
        }

        var connection = _connection!;
        var timeoutMs = Math.Max(1, cluster.Config.Timeout.Ticks / TimeSpan.TicksPerMillisecond);
        _endMs = Worker.NowMs + timeoutMs;
        connection.SetDeadline(timeoutMs);
        var result = !isNew || (await ConnectAsync(connection) && await SecureAsync(connection)) ? await ExchangeAsync(connection) : null;
        _isChecking = false;
        if (!isNew && !_timedOut && result is null && HasLeftBehind)
        {
            // The check was never looked at: it is made again, on a connection of its own.
            Close();
            return await CheckAsync();
        }

        if (_timedOut || result is null)
        {
            Close();
            return _timedOut ? ProbeResult.TimedOut : ProbeResult.Network;
        }

        connection.ClearDeadline();
        if (!cluster.Config.ReuseConnection || !CanBeKept || connection.PendingOutput > 0)
        {
            Close();
        }
        else if (connection.IsPeerClosed)
        {
            OnPeerClosed();
        }

        return result.Value;
    }

    /// <summary>Closes the connection; a check that runs ends with the loop's next turn.</summary>
    public void Close()
    {
        OnClosing();
        _connection?.Close();
        _connection = null;
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
        if (!_isChecking && connection == _connection && HasEnded(connection))
        {
            OnPeerClosed();
        }
    }

    void IConnectionOwner.OnDeadline(Connection connection)
    {
        if (_isChecking)
        {
            _timedOut = true;
            Interrupt(connection);
        }
    }

    /// <summary>True where another check may follow on the connection.</summary>
    protected abstract bool CanBeKept { get; }

    /// <summary>True where the peer gave a kept connection up without having looked at the check.</summary>
    protected virtual bool HasLeftBehind => false;

    /// <summary>True where it is a failure that the peer ends a connection between two checks.</summary>
    protected abstract bool IsLossFailure { get; }

    /// <summary>What is offered by ALPN where neither the transport socket nor the check names anything, as <see cref="AlpnList"/> writes it; null for nothing.</summary>
    protected virtual byte[]? FallbackProtocols => null;

    /// <summary>True where the endpoint is spoken to by TLS.</summary>
    protected bool IsSecure => target.Endpoint.TlsOfChecks is not null;

    /// <summary>The host name that the endpoint is to be asked as; empty for that of the check.</summary>
    protected string Hostname => target.Config.Hostname ?? "";

    /// <summary>The connection is about to close, if there is one: what stands on it ends.</summary>
    protected virtual void OnClosing()
    {
    }

    /// <summary>Resumes the exchange that waits, since its time has passed.</summary>
    protected virtual void Interrupt(Connection connection) => connection.Interrupt();

    /// <summary>For connections whose input is always awaited: the peer has ended one.</summary>
    protected void OnEnded(Connection connection)
    {
        if (!_isChecking && connection == _connection)
        {
            OnPeerClosed();
        }
    }

    /// <summary>Asks and judges; null where the connection broke, what came was no answer, or the wait was interrupted.</summary>
    protected abstract LoopTask<ProbeResult?> ExchangeAsync(Connection connection);

    /// <summary>Whether what arrived between two checks ends the connection.</summary>
    protected abstract bool HasEnded(Connection connection);

    private static async LoopTask<bool> ConnectAsync(Connection connection) =>
        await connection.Connected() == WaitResult.Ready && connection.Error == 0;

    /// <summary>The handshake, where the endpoint is spoken to by TLS. It is part of the check, and of its time.</summary>
    private async LoopTask<bool> SecureAsync(Connection connection)
    {
        if (target.Endpoint.TlsOfChecks is not { } tls)
        {
            return true;
        }

        if (tls.Secure(connection, target.Endpoint, requestedName: null, sessions: null, FallbackProtocols) is not { } socket)
        {
            return false;
        }

        var result = await socket.HandshakeAsync(_endMs);
        _timedOut |= result == HandshakeResult.Interrupted && Worker.NowMs >= _endMs && !connection.IsClosed;
        tls.Stats.Count(Worker.Stats, socket, _timedOut ? HandshakeResult.Failed : result);
        if (result == HandshakeResult.Done)
        {
            return true;
        }

        if (result != HandshakeResult.Interrupted || _timedOut)
        {
            tls.Report(socket, target.Endpoint, target.Address, _timedOut ? "the handshake took longer than the timeout of the health check" : "");
        }

        return false;
    }

    private void OnPeerClosed()
    {
        Close();
        if (IsLossFailure)
        {
            Lost();
        }
    }
}

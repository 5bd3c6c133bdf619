using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>Connects, and exchanges bytes where some are expected (Envoy documentation, "L3/L4 health checking").</summary>
internal sealed class TcpProbe(ClusterHealthChecks cluster, TcpHealthCheck check, ProbeTarget target) : Probe(cluster, target)
{
    private PayloadSearch _search;

    /// <inheritdoc/>
    /// <remarks>Where nothing is expected the check is about the connect, so that each begins with one; nothing is sent then either.</remarks>
    protected override bool CanBeKept => check.Receive.Count > 0;

    /// <inheritdoc/>
    /// <remarks>As in Envoy, which cannot tell it from one in the midst of a check.</remarks>
    protected override bool IsLossFailure => true;

    protected override async LoopTask<ProbeResult?> ExchangeAsync(Connection connection)
    {
        _search = new PayloadSearch(check.Receive);
        if (_search.IsComplete)
        {
            return new ProbeResult(true);
        }

        if (!connection.Send(check.Send.Bytes))
        {
            return null;
        }

        var turn = default(TurnBudget);
        while (true)
        {
            var count = connection.Receive(Worker.ReceiveBuffer);
            if (count > 0)
            {
                _search.Take(Worker.ReceiveBuffer.AsSpan(0, count));
                if (_search.IsComplete)
                {
                    return new ProbeResult(true);
                }

                turn.Spend(count);
                if (turn.IsSpent)
                {
                    turn.Renew();
                    await Worker.NextTurn();
                    if (HasTimedOut || connection.IsClosed)
                    {
                        return null;
                    }
                }
            }
            else if (count != Connection.WouldBlock || await connection.Readable() == WaitResult.Interrupted)
            {
                return null;
            }
        }
    }

    /// <inheritdoc/>
    protected override bool HasEnded(Connection connection)
    {
        // Bytes that nobody asked for say nothing.
        int count;
        do
        {
            count = connection.Receive(Worker.ReceiveBuffer);
        }
        while (count == Worker.ReceiveBuffer.Length || (count > 0 && connection.Layer is { HasBufferedInput: true }));
        return count is Connection.EndOfStream or Connection.Broken || connection.IsPeerClosed;
    }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>
/// Connecting to an endpoint that has several addresses (Envoy documentation, "Happy Eyeballs Support"; RFC 8305 section 5): the next one is tried when one
/// fails, and beside it when it takes long; the first that stands is used, the others are closed.
/// </summary>
internal sealed partial class UpstreamConnection
{
    /// <summary>How long an address is tried alone, in milliseconds: Envoy's.</summary>
    private const long AloneMs = 300;

    /// <summary>Where it leads: the address of its endpoint when it was opened, or the one of several that answered.</summary>
    public SocketEndpoint Address { get; private set; }

    /// <summary>Waits until a connection stands; what <see cref="Connection"/> is then may be another than before.</summary>
    /// <param name="others">The addresses that are left to be tried.</param>
    /// <param name="timeoutMs">For all of it.</param>
    private async LoopTask<WaitResult> RaceAsync(ReadOnlyMemory<SocketEndpoint> others, long timeoutMs)
    {
        var worker = Connection.Worker;
        var wait = new LoopDelay(worker);
        var endMs = worker.NowMs + timeoutMs;
        var nextMs = worker.NowMs + AloneMs;
        var running = new List<ConnectAttempt>(1 + others.Length) { new(Connection, Address, wait) };
        while (true)
        {
            if (running.Find(static attempt => attempt.Stands) is { } first)
            {
                End(running, first);
                return WaitResult.Ready;
            }

            if (running.Exists(static attempt => attempt.IsInterrupted) || worker.NowMs >= endMs)
            {
                _deadlinePassed = worker.NowMs >= endMs;
                End(running, running[0]);
                return WaitResult.Interrupted;
            }

            var failed = running.FindAll(static attempt => attempt.HasFailed);
            running.RemoveAll(static attempt => attempt.HasFailed);
            if (!others.IsEmpty && (failed.Count > 0 || running.Count == 0 || worker.NowMs >= nextMs))
            {
                nextMs = worker.NowMs + AloneMs;
                if (Begin(others.Span[0], wait) is { } next)
                {
                    running.Add(next);
                }

                others = others[1..];
            }

            if (running.Count > 0)
            {
                Use(running[0]);
            }

            foreach (var attempt in failed)
            {
                if (attempt.Connection != Connection)
                {
                    attempt.Connection.Close();
                }
            }

            if (running.Count > 0)
            {
                await wait.Start(Math.Min(others.IsEmpty ? endMs : nextMs, endMs) - worker.NowMs);
            }
            else if (others.IsEmpty)
            {
                return WaitResult.Ready;
            }
        }
    }

    private ConnectAttempt? Begin(SocketEndpoint address, LoopDelay wait) =>
        ConnectSocket.Start(address) is >= 0 and var descriptor ? new ConnectAttempt(Connecting(Connection.Worker, descriptor), address, wait) : null;

    private Connection Connecting(Worker worker, int descriptor) => new(worker, descriptor, this, writable: false) { Order = DispatchOrder.Answers, ReceivesAhead = true };

    private void End(List<ConnectAttempt> running, ConnectAttempt chosen)
    {
        Use(chosen);
        foreach (var attempt in running)
        {
            if (attempt != chosen)
            {
                attempt.Connection.Close();
            }
        }
    }

    /// <summary>Whoever interrupts the connection interrupts this one.</summary>
    private void Use(ConnectAttempt attempt)
    {
        if (attempt.Connection != Connection && Connection.Error != 0)
        {
            Connection.Close();
        }

        Connection = attempt.Connection;
        Address = attempt.Address;
    }

    /// <summary>A connect that is under way.</summary>
    private sealed class ConnectAttempt
    {
        private readonly LoopDelay _wait;
        private WaitResult? _result;

        public ConnectAttempt(Connection connection, SocketEndpoint address, LoopDelay wait)
        {
            (Connection, Address, _wait) = (connection, address, wait);
            _ = RunAsync();
        }

        public Connection Connection { get; }

        public SocketEndpoint Address { get; }

        public bool Stands => _result == WaitResult.Ready && Connection.Error == 0;

        public bool HasFailed => _result == WaitResult.Ready && Connection.Error != 0;

        public bool IsInterrupted => _result == WaitResult.Interrupted;

        private async LoopTask RunAsync()
        {
            _result = await Connection.Connected();
            _wait.End();
        }
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace KubeProxyNet.Testing.Http;

/// <summary>What a backend does with one connection. When it returns, the connection is closed in an orderly way.</summary>
public delegate Task BackendScript(BackendConnection connection);

/// <summary>
/// A real TCP server on loopback that plays a <see cref="BackendScript"/> on each connection and keeps a ledger of every request it has read
/// to its end. A malformed request or a script's own failure is thrown by <see cref="DisposeAsync"/>, so that no test can miss it.
/// </summary>
public sealed class ScriptedBackend : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<Task> _running = new();
    private readonly ConcurrentQueue<Exception> _faults = new();
    private readonly Lock _gate = new();
    private readonly List<RawRequest> _requests = [];
    private readonly List<BackendConnection> _connections = [];
    private readonly Task _accepting;
    private volatile TaskCompletionSource? _pause;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ScriptedBackend(Socket listener, BackendScript script, string name)
    {
        _listener = listener;
        Script = script;
        Name = name;
        EndPoint = (IPEndPoint)listener.LocalEndPoint!;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Told in what <see cref="BackendScripts.Echo"/> answers; the port where none was given.</summary>
    public string Name { get; }

    public IPEndPoint EndPoint { get; }

    public int Port => EndPoint.Port;

    /// <summary>Played on connections accepted from now on; may be changed while the backend runs.</summary>
    public BackendScript Script { get; set; }

    /// <summary>The requests read to their end so far, in the order in which they ended.</summary>
    public IReadOnlyList<RawRequest> Requests
    {
        get
        {
            lock (_gate)
            {
                return [.. _requests];
            }
        }
    }

    /// <summary>The connections accepted so far.</summary>
    public IReadOnlyList<BackendConnection> Connections
    {
        get
        {
            lock (_gate)
            {
                return [.. _connections];
            }
        }
    }

    /// <summary>Malformed requests and failures of scripts. Reading them takes them over: <see cref="DisposeAsync"/> no longer throws them.</summary>
    public IReadOnlyList<Exception> TakeFaults()
    {
        var taken = new List<Exception>();
        while (_faults.TryDequeue(out var fault))
        {
            taken.Add(fault);
        }

        return taken;
    }

    /// <summary>Starts a backend on a free port.</summary>
    /// <param name="address">Another loopback address than 127.0.0.1.</param>
    /// <param name="port">A port that was in use before, for a backend that comes back; 0 for a free one.</param>
    /// <param name="backlog">Connections that the kernel keeps until they are accepted.</param>
    public static ScriptedBackend Start(BackendScript script, string? name = null, IPAddress? address = null, int port = 0, int backlog = 512)
    {
        address ??= IPAddress.Loopback;
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, optionValue: true);
        listener.Bind(new IPEndPoint(address, port));
        listener.Listen(backlog);
        return new ScriptedBackend(listener, script, name ?? ((IPEndPoint)listener.LocalEndPoint!).Port.ToString());
    }

    /// <summary>Takes no new connection any more; those that stand go on.</summary>
    public void StopListening() => _listener.Dispose();

    /// <summary>
    /// Plays no new connection until <see cref="ResumeAccepting"/>. The kernel still completes as many as fit into the backlog, and one more; it drops the
    /// packets that ask for another.
    /// </summary>
    public void PauseAccepting() => _pause ??= new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Plays the connections that wait, and those to come.</summary>
    public void ResumeAccepting()
    {
        var pause = _pause;
        _pause = null;
        pause?.TrySetResult();
    }

    /// <summary>Waits until the ledger holds so many requests and returns it.</summary>
    public async Task<IReadOnlyList<RawRequest>> WaitForRequestsAsync(int count)
    {
        await WaitAsync(() => _requests.Count >= count, $"{count} requests at backend {Name}");
        return Requests;
    }

    /// <summary>Waits until so many connections were accepted and returns the last of them.</summary>
    public async Task<BackendConnection> WaitForConnectionAsync(int number)
    {
        await WaitAsync(() => _connections.Count >= number, $"connection {number} at backend {Name}");
        return Connections[number - 1];
    }

    /// <summary>Stops listening, ends every connection and throws what <see cref="TakeFaults"/> would give.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        ResumeAccepting();
        await _accepting;
        await Task.WhenAll(_running);
        _stopping.Dispose();
        if (!_faults.IsEmpty)
        {
            throw new AggregateException($"backend {Name} met faults", TakeFaults());
        }
    }

    internal RawRequest Enter(RawRequest request)
    {
        lock (_gate)
        {
            var entered = request with { Arrival = _requests.Count + 1 };
            _requests.Add(entered);
            Changed();
            return entered;
        }
    }

    private async Task WaitAsync(Func<bool> condition, string what)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (condition())
                {
                    return;
                }

                changed = _changed.Task;
            }

            try
            {
                await changed.WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException e)
            {
                throw new TimeoutException($"waited {Patience.Limit.TotalSeconds} s for: {what}", e);
            }
        }
    }

    private void Changed()
    {
        _changed.TrySetResult();
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync(_stopping.Token);
                await (_pause?.Task ?? Task.CompletedTask);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                continue;
            }

            socket.NoDelay = true;
            BackendConnection connection;
            try
            {
                connection = new BackendConnection(this, socket, _connections.Count + 1, _stopping.Token);
            }
            catch (SocketException)
            {
                // The peer was gone before it could be asked for its address.
                socket.Dispose();
                continue;
            }

            lock (_gate)
            {
                _connections.Add(connection);
                Changed();
            }

            _running.Enqueue(Task.Run(() => PlayAsync(connection, Script)));
        }
    }

    private async Task PlayAsync(BackendConnection connection, BackendScript script)
    {
        try
        {
            await script(connection);
        }
        catch (Exception e) when (IsPeerGone(e))
        {
            // A proxy may drop a connection at any time; what it sent is in the ledger.
        }
        catch (Exception e)
        {
            _faults.Enqueue(e);
        }
        finally
        {
            connection.Socket.Dispose();
            connection.Ended.Set();
        }
    }

    private static bool IsPeerGone(Exception e) => e is OperationCanceledException or SocketException or ObjectDisposedException
        || (e is RawFramingException framing && framing.Fault != FramingFault.Malformed);
}

using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace KubeProxyNet.Testing.Http2;

/// <summary>
/// A real HTTP/2 server on loopback, by prior knowledge or TLS with ALPN, that plays a <see cref="Http2Script"/> on each stream and keeps a ledger of every request read to its end. It
/// holds its peer to RFC 9113: what breaks it, and a script's own failure, is thrown by <see cref="DisposeAsync"/>, so that no test can miss it.
/// </summary>
public sealed class ScriptedHttp2Backend : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<Task> _running = new();
    private readonly ConcurrentQueue<Exception> _faults = new();
    private readonly Lock _gate = new();
    private readonly List<Http2Request> _requests = [];
    private readonly List<Http2BackendConnection> _connections = [];
    private readonly Task _accepting;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _refused;
    private int _turns;

    private ScriptedHttp2Backend(Socket listener, Http2Script script, Http2BackendOptions options)
    {
        _listener = listener;
        Script = script;
        Options = options;
        EndPoint = (IPEndPoint)listener.LocalEndPoint!;
        _accepting = Task.Run(AcceptAsync);
    }

    public IPEndPoint EndPoint { get; }

    public int Port => EndPoint.Port;

    public Http2BackendOptions Options { get; }

    /// <summary>Played on streams of connections accepted from now on; may be changed while the backend runs.</summary>
    public Http2Script Script { get; set; }

    /// <summary>The requests read to their end so far, in the order in which they ended.</summary>
    public IReadOnlyList<Http2Request> Requests
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
    public IReadOnlyList<Http2BackendConnection> Connections
    {
        get
        {
            lock (_gate)
            {
                return [.. _connections];
            }
        }
    }

    /// <summary>Streams beyond SETTINGS_MAX_CONCURRENT_STREAMS, which were refused.</summary>
    public int RefusedStreams => Volatile.Read(ref _refused);

    /// <summary>Starts a backend on a free port of 127.0.0.1, or on one that was in use before.</summary>
    public static ScriptedHttp2Backend Start(Http2Script script, Http2BackendOptions? options = null, int port = 0)
    {
        options ??= new Http2BackendOptions();
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, optionValue: true);
        if (options.ReceiveBuffer is { } size)
        {
            listener.ReceiveBufferSize = size;
        }

        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(512);
        return new ScriptedHttp2Backend(listener, script, options);
    }

    /// <summary>Violations of the peer and failures of scripts. Reading them takes them over: <see cref="DisposeAsync"/> no longer throws them.</summary>
    public IReadOnlyList<Exception> TakeFaults()
    {
        var taken = new List<Exception>();
        while (_faults.TryDequeue(out var fault))
        {
            taken.Add(fault);
        }

        return taken;
    }

    /// <summary>Takes no new connection any more; those that stand go on.</summary>
    public void StopListening() => _listener.Dispose();

    /// <summary>Waits until the ledger holds so many requests and returns it.</summary>
    public async Task<IReadOnlyList<Http2Request>> WaitForRequestsAsync(int count)
    {
        await WaitAsync(() => _requests.Count >= count, $"{count} requests");
        return Requests;
    }

    /// <summary>Waits until so many connections were accepted and returns the last of them.</summary>
    public async Task<Http2BackendConnection> WaitForConnectionAsync(int number)
    {
        await WaitAsync(() => _connections.Count >= number, $"connection {number}");
        return Connections[number - 1];
    }

    /// <summary>Waits until so many streams were opened, over all connections.</summary>
    public Task WaitForStreamsAsync(int count) => WaitAsync(() => _connections.Sum(static c => c.Streams.Count) >= count, $"{count} streams");

    /// <summary>Stops listening, ends every connection and throws what <see cref="TakeFaults"/> would give.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_running);
        _stopping.Dispose();
        if (!_faults.IsEmpty)
        {
            throw new AggregateException("the HTTP/2 backend met faults", TakeFaults());
        }
    }

    internal void Enter(Http2Request request)
    {
        lock (_gate)
        {
            _requests.Add(request);
        }

        Changed();
    }

    internal int NextTurn() => Interlocked.Increment(ref _turns);

    internal void Refused() => Interlocked.Increment(ref _refused);

    internal async Task PlayAsync(Func<Task> play)
    {
        try
        {
            await play();
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or IOException or Http2EndedException or Http2ResetException)
        {
            // A proxy may drop a stream or a connection at any time; what it sent is in the ledger.
        }
        catch (Exception e)
        {
            _faults.Enqueue(e);
        }
    }

    internal void Changed()
    {
        lock (_gate)
        {
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    internal async Task WaitAsync(Func<bool> condition, string what)
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
                throw new TimeoutException($"waited {Patience.Limit.TotalSeconds} s at the HTTP/2 backend for: {what}", e);
            }
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var socket = await _listener.AcceptAsync(_stopping.Token);
                socket.NoDelay = true;
                _running.Enqueue(Task.Run(() => PlayAsync(() => ServeAsync(socket))));
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // The test is over, or the peer was.
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        var stream = await StreamOverAsync(socket);
        Http2BackendConnection connection;
        lock (_gate)
        {
            connection = new Http2BackendConnection(this, socket, stream, _connections.Count + 1, _stopping.Token);
            _connections.Add(connection);
        }

        Changed();
        try
        {
            if (Options.Connection is { } script)
            {
                await script(connection);
                return;
            }

            await connection.GreetAsync();
            await connection.ServeAsync(Script);
        }
        finally
        {
            await stream.DisposeAsync();
            socket.Dispose();
            connection.Ended.Set();
            Changed();
        }
    }

    private async Task<Stream> StreamOverAsync(Socket socket)
    {
        var plain = new NetworkStream(socket);
        if (Options.Certificate is not { } certificate)
        {
            return plain;
        }

        var secure = new SslStream(plain);
        try
        {
            var others = new X509Certificate2Collection();
            others.ImportFromPem(certificate.Chain);
            others.RemoveAt(0);
            await secure.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(certificate.Pem, certificate.Key), others, offline: true),
                    ApplicationProtocols = [.. Options.Protocols.Select(static protocol => new SslApplicationProtocol(protocol))],
                },
                _stopping.Token);
            return secure;
        }
        catch (Exception e)
        {
            await secure.DisposeAsync();
            socket.Dispose();
            throw e is System.Security.Authentication.AuthenticationException ? new IOException(e.Message, e) : e;
        }
    }
}

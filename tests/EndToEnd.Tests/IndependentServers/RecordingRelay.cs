using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Testing;

namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>Stands between the proxy and a server, passes bytes both ways as they come, and keeps all that went to the server, a connection apart.</summary>
internal sealed class RecordingRelay : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<Recording> _records = new();
    private readonly ConcurrentQueue<Task> _running = new();
    private readonly int _serverPort;
    private readonly Task _accepting;

    public RecordingRelay(int serverPort)
    {
        _serverPort = serverPort;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        _accepting = Task.Run(AcceptAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Ends all connections and returns what went to the server on each.</summary>
    public async Task<IReadOnlyList<Recording>> StopAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_running);
        return [.. _records];
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var proxy = await _listener.AcceptAsync(_stopping.Token);
                _running.Enqueue(Task.Run(() => RelayAsync(proxy)));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                // Stopped, or a peer that had gone: the loop decides.
            }
        }
    }

    private async Task RelayAsync(Socket proxy)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using (proxy)
        {
            var record = new Recording();
            _records.Enqueue(record);
            proxy.NoDelay = server.NoDelay = true;
            try
            {
                await server.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _serverPort), _stopping.Token);
                await Task.WhenAll(SocketCopy.RunAsync(proxy, server, _stopping.Token, record.Sent), SocketCopy.RunAsync(server, proxy, _stopping.Token, record.Answered));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // Either side may end the connection at any time; what was sent is in the record.
            }
        }
    }
}

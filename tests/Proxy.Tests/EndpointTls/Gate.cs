using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.EndpointTls;

/// <summary>Stands in front of a backend: connections are accepted, and nothing passes before a signal.</summary>
internal sealed class Gate : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Task _running;

    /// <summary>Starts it.</summary>
    /// <param name="backend">The backend's port on 127.0.0.1.</param>
    /// <param name="opens">Lets through what came and what comes.</param>
    public Gate(int backend, Signal opens)
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _running = AcceptAsync(backend, opens);
    }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _running;
        _stopping.Dispose();
    }

    private async Task AcceptAsync(int backend, Signal opens)
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(LeadAsync(await _listener.AcceptSocketAsync(_stopping.Token), backend, opens));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }

        await Task.WhenAll(connections);
    }

    private async Task LeadAsync(Socket front, int backend, Signal opens)
    {
        using var back = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (front)
        {
            try
            {
                await opens.WaitAsync(_stopping.Token);
                await back.ConnectAsync(new IPEndPoint(IPAddress.Loopback, backend), _stopping.Token);
                await Task.WhenAll(SocketCopy.RunAsync(front, back, _stopping.Token), SocketCopy.RunAsync(back, front, _stopping.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // One of the ends has gone, or the test is over.
            }
        }
    }
}

using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>A running worker, and connections of it to sockets of the test.</summary>
public abstract class WorkerConnections : IDisposable, IConnectionOwner
{
    private readonly List<Socket> _sockets = [];

    private protected WorkerConnections()
    {
        Worker = new Worker(0, new StatRegistry().CreatePage(), TimeProvider.System, seed: 1, new DescriptorBudget(), static bug => throw bug);
        Worker.Start();
    }

    private protected Worker Worker { get; }

    public virtual void Dispose()
    {
        Worker.Dispose();
        _sockets.ForEach(static socket => socket.Dispose());
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
    }

    void IConnectionOwner.OnDeadline(Connection connection)
    {
    }

    private protected static async Task<byte[]> ReadToEndAsync(Socket peer)
    {
        using var all = new MemoryStream();
        var buffer = new byte[256 * 1024];
        while (await peer.ReceiveAsync(buffer).WaitAsync(Patience.Limit) is > 0 and var count)
        {
            all.Write(buffer, 0, count);
        }

        return all.ToArray();
    }

    private protected async Task<(Connection Connection, Socket Peer)> ConnectAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Connection connection = null!;
        await OnWorkerAsync(async () =>
        {
            var address = new SocketEndpoint(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port);
            connection = new Connection(Worker, ConnectSocket.Start(address), this, writable: false);
            await connection.Connected();
        });
        var peer = await listener.AcceptAsync().WaitAsync(Patience.Limit);
        _sockets.Add(peer);
        return (connection, peer);
    }

    private protected Task OnWorkerAsync(Action action) => OnWorkerAsync(() =>
    {
        action();
        return default;
    });

    private protected async Task OnWorkerAsync(Func<LoopTask> action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Worker.Post(() => _ = RunAsync());
        await done.Task.WaitAsync(Patience.Limit);

        async LoopTask RunAsync()
        {
            try
            {
                await action();
                done.SetResult();
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        }
    }
}

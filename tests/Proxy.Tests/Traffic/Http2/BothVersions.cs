using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>One port behind which a backend of each version of HTTP stands: a connection that begins with HTTP/2's preface is led to the one, any other to the other.</summary>
internal sealed class BothVersions : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Lock _gate = new();
    private readonly List<Task> _running = [];

    /// <summary>Starts it.</summary>
    /// <param name="go">What requests for <c>/wait</c> wait for.</param>
    public BothVersions(Signal? go = null)
    {
        Http1 = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, request) =>
        {
            if (request.Target == "/wait")
            {
                await go!.WaitAsync(connection.Stopping);
            }

            await connection.SendAsync(BackendScripts.ResponseText(200, "by HTTP/1.1", [], withBody: true));
        }));
        Http2 = ScriptedHttp2Backend.Start(Http2Scripts.Answer(200, "by HTTP/2"));
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _running.Add(AcceptAsync());
    }

    public ScriptedBackend Http1 { get; }

    public ScriptedHttp2Backend Http2 { get; }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await Http1.DisposeAsync();
        await Http2.DisposeAsync();
        Task[] running;
        lock (_gate)
        {
            running = [.. _running];
        }

        await Task.WhenAll(running);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var front = await _listener.AcceptSocketAsync(_stopping.Token);
                lock (_gate)
                {
                    _running.Add(LeadAsync(front));
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task LeadAsync(Socket front)
    {
        using var back = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (front)
        {
            try
            {
                var first = new byte[3];
                for (var read = 0; read < first.Length;)
                {
                    var count = await front.ReceiveAsync(first.AsMemory(read), _stopping.Token);
                    if (count == 0)
                    {
                        return;
                    }

                    read += count;
                }

                await back.ConnectAsync(new IPEndPoint(IPAddress.Loopback, first.AsSpan().SequenceEqual("PRI"u8) ? Http2.Port : Http1.Port), _stopping.Token);
                await back.SendAsync(first, _stopping.Token);
                await Task.WhenAll(SocketCopy.RunAsync(front, back, _stopping.Token), SocketCopy.RunAsync(back, front, _stopping.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // One of the ends has gone, or the test is over.
            }
        }
    }
}

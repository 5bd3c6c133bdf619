using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Resilience;

/// <summary>
/// A backend that can vanish as behind a network that drops packets: what stands is never answered again, and packets that ask for a new connection are
/// dropped by the kernel, since the queue of its listener is full.
/// </summary>
internal sealed class VanishingBackend : IAsyncDisposable
{
    private readonly SharedLedger _ledger;
    private readonly List<Socket> _fillers = [];
    private volatile Signal? _return;

    private VanishingBackend(SharedLedger ledger, IPAddress address)
    {
        _ledger = ledger;
        Backend = ScriptedBackend.Start(PlayAsync, address: address, backlog: address.Equals(IPAddress.Loopback) ? 4 : 512);
    }

    public IPEndPoint EndPoint => Backend.EndPoint;

    public int Port => Backend.Port;

    private ScriptedBackend Backend { get; }

    public static VanishingBackend Start(SharedLedger ledger) => new(ledger, IPAddress.Loopback);

    /// <summary>One in a namespace, which vanishes with it.</summary>
    public static VanishingBackend Start(SharedLedger ledger, NetworkNamespace place) => place.Inside(() => new VanishingBackend(ledger, place.Address));

    /// <summary>Vanishes, and comes back only as a whole.</summary>
    public async Task VanishAsync()
    {
        _return = new Signal();
        Backend.PauseAccepting();

        // Connects until the queue is full. The last ones stay on their way and keep it so.
        for (var i = 0; i < 8; i++)
        {
            var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _fillers.Add(filler);
            var connect = filler.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Port));
            await Task.WhenAny(connect, Task.Delay(TimeSpan.FromMilliseconds(5)));
            _ = connect.ContinueWith(static task => _ = task.Exception, TaskScheduler.Default);
        }
    }

    /// <summary>Is there again. Connections from before are reset, as by a machine that was restarted.</summary>
    public void Return()
    {
        var before = _return;
        _return = null;
        _fillers.ForEach(static filler => filler.Dispose());
        foreach (var connection in Backend.Connections)
        {
            connection.Reset();
        }

        before?.Set();
        Backend.ResumeAccepting();
    }

    public async ValueTask DisposeAsync()
    {
        Return();
        await Backend.DisposeAsync();
    }

    private async Task PlayAsync(BackendConnection connection)
    {
        while (await connection.ReadRequestAsync() is { } request)
        {
            if (_return is not null)
            {
                await Task.Delay(Timeout.Infinite, connection.Stopping);
            }

            var answer = request.Target == "/healthz" ? "" : _ledger.Execute(request);
            await connection.SendAsync(BackendScripts.ResponseText(200, answer, [], withBody: true));
        }
    }
}

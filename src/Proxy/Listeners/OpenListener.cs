using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>A listener with its sockets, one a worker. Changed only by the thread that applies configuration.</summary>
internal sealed class OpenListener
{
    private const int ResetsATime = 50;

    private readonly WorkerRuntime[] _workers;
    private readonly Acceptor[] _acceptors;

    private OpenListener(ListenerConfig config, SocketEndpoint address, WorkerRuntime[] workers, FilterChainLimits limits, ListenerPlaces places)
    {
        Places = places;
        Limits = limits;
        Config = config;
        Address = address;
        _workers = workers;
        _acceptors = new Acceptor[workers.Length];
    }

    /// <summary>The settings in force for new connections.</summary>
    public ListenerConfig Config { get; private set; }

    /// <summary>The address that is bound, with the port that port 0 became.</summary>
    public SocketEndpoint Address { get; }

    /// <summary>Counts the connections of its filter chains against their limits, whatever settings they began with.</summary>
    public FilterChainLimits Limits { get; }

    /// <summary>Counts its connections against its own limits, over updates.</summary>
    public ListenerPlaces Places { get; }

    /// <summary>Open client connections, as of some recent moment.</summary>
    public int ConnectionCount => _acceptors.Sum(static acceptor => acceptor?.Connections.Count ?? 0);

    public static OpenListener Start(
        ListenerConfig config, SocketEndpoint address, WorkerRuntime[] workers, int[] descriptors, FilterChainLimits limits, ListenerPlaces places, ListenerState[] states)
    {
        var listener = new OpenListener(config, address, workers, limits, places);
        for (var i = 0; i < workers.Length; i++)
        {
            var index = i;
            workers[i].Worker.Post(() => listener._acceptors[index] = new Acceptor(workers[index], descriptors[index], address, states[index]));
        }

        return listener;
    }

    public void Update(ListenerConfig config, ListenerState[] states)
    {
        Config = config;
        ForEach((acceptor, index) => acceptor.State = states[index]);
    }

    public void DrainConnections(long idleGraceMs) => ForEach((acceptor, _) => acceptor.Connections.Drain(idleGraceMs));

    /// <summary>Resets the connections that hold the most memory, some of each worker.</summary>
    public void ResetLargest(Action<int> count) => ForEach((acceptor, _) => count(acceptor.Connections.ResetLargest(ResetsATime)));

    /// <summary>The listener is no longer wanted: nothing more is accepted, and what is idle ends.</summary>
    public void StopAndDrain()
    {
        _ = StopAsync();
        DrainConnections(idleGraceMs: 0);
    }

    /// <summary>Closes the listening sockets after what waits in their queues was accepted.</summary>
    public async Task StopAsync()
    {
        var stopped = _workers.Select(static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        ForEach((acceptor, index) =>
        {
            acceptor.Stop();
            stopped[index].SetResult();
        });
        await Task.WhenAll(stopped.Select(static source => source.Task));
        ListenSocket.Remove(Address);
    }

    private void ForEach(Action<Acceptor, int> action)
    {
        for (var i = 0; i < _workers.Length; i++)
        {
            var index = i;
            _workers[i].Worker.Post(() => action(_acceptors[index], index));
        }
    }
}

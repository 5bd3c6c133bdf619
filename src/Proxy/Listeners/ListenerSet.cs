using System.Collections.Immutable;
using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Listeners.Inspection;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>A listener could not be brought up; the others were.</summary>
public sealed record ListenerFailure(string Listener, string Message)
{
    /// <summary>True where the library refuses a certificate or a key.</summary>
    public bool IsTls { get; init; }
}

/// <summary>
/// The open listeners. One thread applies changes: a new listener opens before an old one closes, one that keeps its address keeps its
/// sockets and its connections, and only new connections see new settings.
/// </summary>
internal sealed class ListenerSet(WorkerRuntime[] workers, StatRegistry registry, AccessLogWriter logs, TlsContexts contexts)
{
    private readonly Dictionary<string, OpenListener> _open = new(StringComparer.Ordinal);
    private RuntimeValues _runtime = RuntimeValues.Empty;
    private readonly Dictionary<string, AccessLogFile> _files = new(StringComparer.Ordinal);

    /// <summary>Name, bound address and settings of every open listener.</summary>
    public IReadOnlyCollection<OpenListener> Open
    {
        get
        {
            lock (_open)
            {
                return [.. _open.Values];
            }
        }
    }

    /// <summary>Makes the open listeners those that are wanted.</summary>
    public IReadOnlyList<ListenerFailure> Apply(IReadOnlyList<ListenerConfig> wanted)
    {
        lock (_open)
        {
            var failures = new List<ListenerFailure>();
            var names = wanted.Select(static config => config.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var config in wanted)
            {
                TakeOverRenamed(config, names);
                try
                {
                    Apply(config);
                }
                catch (Exception error) when (error is IOException or UnauthorizedAccessException)
                {
                    failures.Add(new ListenerFailure(config.Name, error.Message) { IsTls = error is TlsException });
                }
            }

            foreach (var name in _open.Keys.Where(name => !names.Contains(name)).ToArray())
            {
                Close(name);
            }

            return failures;
        }
    }

    /// <summary>Puts runtime values into force: the limits of listeners (Envoy documentation, "Listeners", "Runtime").</summary>
    public void Apply(RuntimeValues values)
    {
        lock (_open)
        {
            _runtime = values;
            foreach (var listener in _open.Values)
            {
                listener.Places.Limit = LimitOf(listener.Config.Name);
            }
        }
    }

    /// <summary>Stops accepting everywhere. Completes when no listening socket is left; connections go on.</summary>
    public async Task StopAcceptingAsync()
    {
        OpenListener[] open;
        lock (_open)
        {
            open = [.. _open.Values];
        }

        foreach (var listener in open)
        {
            await listener.StopAsync();
        }
    }

    /// <summary>Tells every connection that the proxy goes away.</summary>
    public void DrainConnections(long idleGraceMs)
    {
        foreach (var listener in Open)
        {
            listener.DrainConnections(idleGraceMs);
        }
    }

    /// <summary>A listener that only changed its name is the one on its address that is no longer wanted: it keeps its sockets, so that no connection is refused.</summary>
    private void TakeOverRenamed(ListenerConfig config, HashSet<string> wanted)
    {
        var renamed = _open.ContainsKey(config.Name)
            ? null
            : _open.Values.FirstOrDefault(open => !wanted.Contains(open.Config.Name) && open.Config.Address.Equals(config.Address));
        if (renamed is not null)
        {
            _open.Remove(renamed.Config.Name);
            _open[config.Name] = renamed;
        }
    }

    private void Apply(ListenerConfig config)
    {
        if (_open.TryGetValue(config.Name, out var current))
        {
            if (current.Config == config)
            {
                return;
            }

            if (current.Config.Address.Equals(config.Address) && current.Config.IsIpv4Compatible == config.IsIpv4Compatible)
            {
                Bound(current.Places, config);
                ListenSocket.SetMode(current.Address, config.PipeMode);
                current.Update(config, StatesFor(config, current.Address, current.Limits, current.Places));
                return;
            }
        }

        var (descriptors, address) = ListenSocket.Open(config.Address, workers.Length, config.IsIpv4Compatible);
        var limits = new FilterChainLimits();
        var places = new ListenerPlaces(workers[0].Connections, workers[0].Sources);
        Bound(places, config);
        ListenerState[] states;
        try
        {
            ListenSocket.SetMode(address, config.PipeMode);
            states = StatesFor(config, address, limits, places);
        }
        catch
        {
            // Nobody would ever accept from them.
            Array.ForEach(descriptors, static descriptor => _ = Native.Close(descriptor));
            throw;
        }

        var replaced = _open.GetValueOrDefault(config.Name);
        var opened = OpenListener.Start(config, address, workers, descriptors, limits, places, states);
        replaced?.StopAndDrain();
        _open[config.Name] = opened;
    }

    private void Bound(ListenerPlaces places, ListenerConfig config)
    {
        places.Limit = LimitOf(config.Name);
        places.Apply(config.SourceConnections);
    }

    private long LimitOf(string listener) => ConnectionLimits.Of(_runtime, $"envoy.resource_limits.listener.{listener}.connection_limit") ?? 0;

    private void Close(string name)
    {
        if (_open.Remove(name, out var listener))
        {
            contexts.Forget(name);
            listener.StopAndDrain();
        }
    }

    private ListenerState[] StatesFor(ListenerConfig config, SocketEndpoint address, FilterChainLimits limits, ListenerPlaces places)
    {
        var table = FilterChainTable.Build([.. config.FilterChains.Select(static chain => chain.Match)], out _)
            ?? throw new InvalidOperationException("Filter chains that overlap are refused where configuration is accepted.");
        var prefix = config.StatPrefix.Length > 0 ? config.StatPrefix : address.ToString().Replace(':', '_');
        var stats = new ListenerStats(registry, prefix);
        var inspection = new InspectionStats(registry);
        var tls = contexts.Of(config, prefix);
        var chains = config.AllFilterChains.Select((chain, index) => new FilterChainParts(chain, registry, limits, stats, tls[index], index)).ToArray();
        return Array.ConvertAll(workers, runtime =>
            new ListenerState(config, table, Array.ConvertAll(chains, chain => chain.StateFor(logs => SinksOf(logs, runtime))), places, stats, inspection));
    }

    private ImmutableArray<AccessLogSink> SinksOf(ImmutableArray<AccessLogConfig> logs, WorkerRuntime runtime) =>
        [.. logs.Select(log => new AccessLogSink(FileOf(log.Path).CreateChannel(runtime.Worker.Stats), log.Format, log.Filter))];

    private AccessLogFile FileOf(string path)
    {
        if (!_files.TryGetValue(path, out var file))
        {
            file = logs.Open(path);
            _files[path] = file;
        }

        return file;
    }
}

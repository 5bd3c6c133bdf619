using System.Collections.Immutable;
using Envoy.Config.Listener.V3;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using RouteConfigurationMessage = Envoy.Config.Route.V3.RouteConfiguration;

namespace KubeProxyNet.Proxy.Config;

/// <summary>A listener that was accepted.</summary>
internal sealed class ListenerEntry(Listener message, TranslatedListener translated, string version, bool isStatic, DateTimeOffset updated)
{
    public Listener Message { get; } = message;

    public TranslatedListener Translated { get; } = translated;

    public string Version { get; } = version;

    public bool IsStatic { get; } = isStatic;

    public DateTimeOffset Updated { get; } = updated;

    /// <summary>The connection managers of its filter chains.</summary>
    public IEnumerable<HttpConnectionManagerConfig> Managers => Translated.Config.AllFilterChains.Select(static chain => chain.Http).OfType<HttpConnectionManagerConfig>();

    /// <summary>The route configurations that it asks of discovery, each once; none where all of its routes stand in it.</summary>
    public ImmutableArray<string> RouteNames { get; } =
        [.. translated.Config.AllFilterChains.Select(static chain => chain.Http?.RouteConfigName).OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>Ends the wait for routes; null where there is none.</summary>
    public ITimer? Patience { get; set; }
}

/// <summary>
/// The listeners that were accepted and the routes that discovery delivered for them. A listener whose routes are not known is warming: it is
/// not open, and the one that it replaces stays. Belongs to whoever holds the lock of <see cref="ConfigurationState"/>.
/// </summary>
internal sealed class ListenerResources(ConfigurationStats stats, TimeProvider time)
{
    private const int MaxRetiredTables = 16;

    private readonly Dictionary<string, ListenerEntry> _active = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ListenerEntry> _warming = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RouteEntry> _routes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RouteTable?> _routeChanges = new(StringComparer.Ordinal);

    // What each listener replaces with the next publication, to return to where the new one cannot be opened.
    private readonly Dictionary<string, ListenerEntry?> _predecessors = new(StringComparer.Ordinal);
    // Tables that no listener asks for any more: connections that a listener accepted before it changed or went may still be routed by them.
    private readonly Queue<string> _retiredTables = new();
    private bool _changed;

    /// <summary>Listeners in force.</summary>
    public IReadOnlyCollection<ListenerEntry> Active => _active.Values;

    /// <summary>Discovered routes in use.</summary>
    public IReadOnlyCollection<RouteEntry> Routes => _routes.Values;

    /// <summary>Listeners that wait for their routes.</summary>
    public int WarmingCount => _warming.Count;

    /// <summary>Names to ask of route discovery; the same array until they change.</summary>
    public ImmutableArray<string> RouteNames { get; private set; } = [];

    /// <summary>Told of a listener that begins to wait, for <see cref="TranslatedListener.RoutesTimeout"/> at most.</summary>
    public required Action<ListenerEntry> WaitBegan { get; init; }

    /// <summary>Every cluster that routes and TCP proxies in force or on their way there name.</summary>
    public HashSet<string> NamedClusters() => All().SelectMany(static entry => entry.Managers).Select(static manager => manager.InlineRoutes).OfType<RouteTable>()
        .Concat(_routes.Values.Select(static route => route.Table))
        .SelectMany(static table => table.ClusterNames)
        .Concat(All().SelectMany(static entry => entry.Translated.Config.AllFilterChains).SelectMany(static chain => chain.TcpProxy?.Clusters ?? [])
            .Select(static cluster => cluster.Name)).ToHashSet(StringComparer.Ordinal);

    /// <summary>The prefixes under which connection managers count that use a route configuration.</summary>
    public IEnumerable<string> StatPrefixesOf(string routeName) =>
        All().SelectMany(static entry => entry.Managers).Where(manager => manager.RouteConfigName == routeName)
            .Select(static manager => manager.StatPrefix).Distinct(StringComparer.Ordinal);

    /// <summary>What changed since the last call, for the next snapshot: null removes a table.</summary>
    public IReadOnlyDictionary<string, RouteTable?> TakeRouteChanges()
    {
        var changes = new Dictionary<string, RouteTable?>(_routeChanges, StringComparer.Ordinal);
        _routeChanges.Clear();
        return changes;
    }

    /// <summary>All listeners where any changed since the last call; null where none did.</summary>
    public IReadOnlyList<ListenerConfig>? TakeChanges()
    {
        var changes = _changed ? _active.Values.Select(static entry => entry.Translated.Config).ToArray() : null;
        _changed = false;
        return changes;
    }

    /// <summary>Takes listeners; one that equals what is there is left alone.</summary>
    public void Set(IReadOnlyList<Listener> messages, string version, ResourceOrigin origin, ApplyOutcome outcome)
    {
        foreach (var message in messages)
        {
            var latest = _warming.GetValueOrDefault(message.Name) ?? _active.GetValueOrDefault(message.Name);
            if (latest is { IsStatic: true } && origin != ResourceOrigin.Bootstrap)
            {
                outcome.Rejections.Add(ClusterResources.BelongsToBootstrap(message.Name));
            }
            else if (latest?.Message.Equals(message) != true)
            {
                var problems = new TranslationProblems();
                var translated = ListenerTranslator.Translate(message, problems);
                if (outcome.Accepts(message.Name, translated, problems, origin))
                {
                    Take(new ListenerEntry(message, translated!, version, origin == ResourceOrigin.Bootstrap, time.GetUtcNow()));
                }
            }
        }
    }

    /// <summary>Drops listeners, but not those of the bootstrap.</summary>
    public void Remove(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
        {
            return;
        }

        foreach (var name in names)
        {
            if (_warming.GetValueOrDefault(name) is { IsStatic: false } warming)
            {
                warming.Patience?.Dispose();
                _warming.Remove(name);
            }

            if (_active.GetValueOrDefault(name) is { IsStatic: false })
            {
                _active.Remove(name);
                _changed = true;
                stats.Count(stats.ListenerRemoved);
            }
        }

        ForgetUnusedRoutes();
    }

    /// <summary>Takes route configurations; those not among them stay as they are.</summary>
    public void SetRoutes(IReadOnlyList<RouteConfigurationMessage> messages, string version, ResourceOrigin origin, ApplyOutcome outcome)
    {
        foreach (var message in messages)
        {
            if (_routes.TryGetValue(message.Name, out var current) && current.Message.Equals(message))
            {
                continue;
            }

            var problems = new TranslationProblems();
            var table = RouteConfigurationTranslator.Translate(message, problems);
            if (outcome.Accepts(message.Name, table, problems, origin))
            {
                _routes[message.Name] = new RouteEntry(message, table!, version, time.GetUtcNow());
                _routeChanges[message.Name] = table;
            }
        }

        foreach (var entry in _warming.Values.Where(HasRoutes).ToArray())
        {
            Activate(entry);
        }
    }

    /// <summary>Opens a listener that still waits, without the routes that have not come: where they are missing it answers 404. False where it no longer waits.</summary>
    public bool EndWait(ListenerEntry entry)
    {
        if (_warming.GetValueOrDefault(entry.Message.Name) != entry)
        {
            return false;
        }

        Activate(entry);
        return true;
    }

    /// <summary>Listeners that could not be opened are forgotten in favour of what they replaced, so that the same listener sent again is tried again.</summary>
    public void Settle(IReadOnlyList<ListenerFailure> failures)
    {
        foreach (var name in failures.Select(static failure => failure.Listener))
        {
            stats.Count(stats.ListenerCreateFailure);
            if (_predecessors.GetValueOrDefault(name) is { } predecessor)
            {
                _active[name] = predecessor;
            }
            else
            {
                _active.Remove(name);
            }
        }

        if (_predecessors.Count > 0)
        {
            _predecessors.Clear();
            ForgetUnusedRoutes();
        }
    }

    /// <summary>Ends all waits.</summary>
    public void EndAll()
    {
        foreach (var entry in _warming.Values)
        {
            entry.Patience?.Dispose();
        }
    }

    private bool HasRoutes(ListenerEntry entry) => entry.RouteNames.All(_routes.ContainsKey);

    private IEnumerable<ListenerEntry> All() => _active.Values.Concat(_warming.Values);

    private void Take(ListenerEntry entry)
    {
        var name = entry.Message.Name;
        if (_warming.Remove(name, out var superseded))
        {
            superseded.Patience?.Dispose();
        }

        stats.Count(_active.ContainsKey(name) || superseded is not null ? stats.ListenerModified : stats.ListenerAdded);
        _warming[name] = entry;
        RenewRouteNames();
        if (HasRoutes(entry))
        {
            Activate(entry);
        }
        else
        {
            WaitBegan(entry);
        }
    }

    private void Activate(ListenerEntry entry)
    {
        var name = entry.Message.Name;
        entry.Patience?.Dispose();
        _warming.Remove(name);
        _predecessors.TryAdd(name, _active.GetValueOrDefault(name));
        _active[name] = entry;
        _changed = true;
    }

    private void RenewRouteNames()
    {
        ImmutableArray<string> names = [.. All().SelectMany(static entry => entry.RouteNames).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        RouteNames = names.AsSpan().SequenceEqual(RouteNames.AsSpan()) ? RouteNames : names;
    }

    private void ForgetUnusedRoutes()
    {
        RenewRouteNames();
        var used = RouteNames.ToHashSet(StringComparer.Ordinal);
        foreach (var name in _routes.Keys.Where(name => !used.Contains(name)).ToArray())
        {
            _routes.Remove(name);
            _retiredTables.Enqueue(name);
        }

        while (_retiredTables.Count > MaxRetiredTables)
        {
            var name = _retiredTables.Dequeue();
            if (!_routes.ContainsKey(name) && !_retiredTables.Contains(name))
            {
                _routeChanges[name] = null;
            }
        }
    }

    /// <summary>An accepted route configuration.</summary>
    internal sealed record RouteEntry(RouteConfigurationMessage Message, RouteTable Table, string Version, DateTimeOffset Updated);
}

using System.Collections.Immutable;
using Envoy.Config.Listener.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using RouteConfigurationMessage = Envoy.Config.Route.V3.RouteConfiguration;

namespace KubeProxyNet.Proxy.Config;

/// <summary>A listener that was accepted.</summary>
internal sealed class ListenerEntry(Listener message, TranslatedListener translated, string version, bool isStatic, DateTimeOffset updated) : ISecretUser
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

    /// <summary>False once routes were waited for long enough.</summary>
    public bool RoutesAreAwaited { get; set; } = true;

    /// <summary>Settings with the secrets that there are.</summary>
    public ListenerConfig Config { get; set; } = translated.Config;

    /// <summary>True while secrets have not come, for which it waits like for routes.</summary>
    public bool WaitsForSecrets { get; set; }

    /// <summary>Ends the wait for secrets; null where there is none.</summary>
    public ITimer? SecretPatience { get; set; }

    public IReadOnlyList<TlsPlan> Plans { get; } = [.. translated.Tls.OfType<TlsPlan>()];

    public string Description => $"listener \"{Message.Name}\"";

    public string SecretStat => $"listener.{(Config.StatPrefix.Length > 0 ? Config.StatPrefix : Config.Address.ToString().Replace(':', '_'))}.server_ssl_socket_factory.";

    /// <summary>Nothing is waited for any more.</summary>
    public void End()
    {
        Patience?.Dispose();
        SecretPatience?.Dispose();
    }
}

/// <summary>
/// The listeners that were accepted and the routes that discovery delivered for them. A listener whose routes are not known is warming: it is
/// not open, and the one that it replaces stays. Belongs to whoever holds the lock of <see cref="ConfigurationState"/>.
/// </summary>
internal sealed class ListenerResources(ConfigurationStats stats, SecretResources secrets, TimeProvider time)
{
    private const int MaxRetiredTables = 16;

    private readonly Dictionary<string, ListenerEntry> _active = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ListenerEntry> _warming = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RouteEntry> _routes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RouteTable?> _routeChanges = new(StringComparer.Ordinal);

    // What each listener replaces with the next publication, to return to where the new one cannot be opened.
    private readonly Dictionary<string, (ListenerEntry Entry, ListenerConfig Config)?> _predecessors = new(StringComparer.Ordinal);

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

    /// <summary>Told of a listener that begins to wait for secrets.</summary>
    public required Action<ListenerEntry> SecretWaitBegan { get; init; }

    /// <summary>Listeners with TLS, active and warming.</summary>
    public IEnumerable<ISecretUser> SecretUsers => All().Where(static entry => entry.Plans.Count > 0);

    /// <summary>True once listeners with TLS came or went; whoever looks sets it back.</summary>
    public bool SecretUsersChanged { get; set; }

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
        var changes = _changed ? _active.Values.Select(static entry => entry.Config).ToArray() : null;
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
                var translated = ListenerTranslator.Translate(message, problems, time.GetUtcNow());
                secrets.Check(translated?.Tls.OfType<TlsPlan>() ?? [], problems);
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
                warming.End();
                _warming.Remove(name);
                SecretUsersChanged |= warming.Plans.Count > 0;
            }

            if (_active.GetValueOrDefault(name) is { IsStatic: false })
            {
                SecretUsersChanged |= _active[name].Plans.Count > 0;
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
            entry.Patience?.Dispose();
            if (IsWarm(entry))
            {
                Activate(entry);
            }
        }
    }

    /// <summary>Opens a listener that still waits for secrets without: it closes its connections. False where it no longer waits.</summary>
    public bool EndSecretWait(ListenerEntry entry)
    {
        if (!entry.WaitsForSecrets || _warming.GetValueOrDefault(entry.Message.Name) != entry)
        {
            return false;
        }

        entry.WaitsForSecrets = false;
        if (IsWarm(entry))
        {
            Activate(entry);
        }

        return true;
    }

    /// <summary>A secret that a listener uses has come or changed.</summary>
    public void UseSecrets(ListenerEntry entry)
    {
        if (_active.GetValueOrDefault(entry.Message.Name) == entry)
        {
            _predecessors.TryAdd(entry.Message.Name, InForce(entry));
            entry.Config = entry.Translated.ConfigWith(secrets);
            _changed = true;
        }
        else if (entry.WaitsForSecrets && entry.Plans.All(plan => plan.IsReady(secrets)))
        {
            entry.SecretPatience?.Dispose();
            entry.WaitsForSecrets = false;
            if (IsWarm(entry))
            {
                Activate(entry);
            }
        }
    }

    /// <summary>
    /// A listener that still waits for routes does without those that have not come: where they are missing it answers 404. False where it no longer waits,
    /// be it that it still waits for secrets.
    /// </summary>
    public bool EndWait(ListenerEntry entry)
    {
        if (HasRoutes(entry) || _warming.GetValueOrDefault(entry.Message.Name) != entry)
        {
            return false;
        }

        entry.RoutesAreAwaited = false;
        if (IsWarm(entry))
        {
            Activate(entry);
        }

        return true;
    }

    /// <summary>Listeners that could not be opened are forgotten in favour of what they replaced, so that the same listener sent again is tried again.</summary>
    public void Settle(IReadOnlyList<ListenerFailure> failures)
    {
        foreach (var name in failures.Select(static failure => failure.Listener))
        {
            stats.Count(stats.ListenerCreateFailure);
            SecretUsersChanged = true;
            if (_predecessors.GetValueOrDefault(name) is var (predecessor, config))
            {
                predecessor.Config = config;
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
            entry.End();
        }
    }

    private bool HasRoutes(ListenerEntry entry) => entry.RouteNames.All(_routes.ContainsKey);

    private IEnumerable<ListenerEntry> All() => _active.Values.Concat(_warming.Values);

    private void Take(ListenerEntry entry)
    {
        var name = entry.Message.Name;
        if (_warming.Remove(name, out var superseded))
        {
            superseded.End();
            SecretUsersChanged |= superseded.Plans.Count > 0;
        }

        SecretUsersChanged |= entry.Plans.Count > 0;
        stats.Count(_active.ContainsKey(name) || superseded is not null ? stats.ListenerModified : stats.ListenerAdded);
        _warming[name] = entry;
        RenewRouteNames();
        if (entry.Plans.Any(plan => !plan.IsReady(secrets)))
        {
            entry.WaitsForSecrets = true;
            SecretWaitBegan(entry);
        }

        if (IsWarm(entry))
        {
            Activate(entry);
        }
        else if (!HasRoutes(entry))
        {
            WaitBegan(entry);
        }
    }

    private bool IsWarm(ListenerEntry entry) => !entry.WaitsForSecrets && (HasRoutes(entry) || !entry.RoutesAreAwaited);

    private void Activate(ListenerEntry entry)
    {
        var name = entry.Message.Name;
        entry.End();
        entry.Config = entry.Translated.ConfigWith(secrets);
        _warming.Remove(name);
        SecretUsersChanged |= _active.GetValueOrDefault(name)?.Plans.Count > 0;
        _predecessors.TryAdd(name, InForce(_active.GetValueOrDefault(name)));
        _active[name] = entry;
        _changed = true;
    }

    private static (ListenerEntry Entry, ListenerConfig Config)? InForce(ListenerEntry? entry) => entry is null ? null : (entry, entry.Config);

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

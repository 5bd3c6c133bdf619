using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Routing.Regexes;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// A compiled <see cref="RouteConfiguration"/>: answers which route a request takes, with Envoy's precedence, at a cost that depends on the
/// request and not on the number of virtual hosts and routes, and without allocating. Immutable; any thread may read it.
/// </summary>
public sealed class RouteTable
{
    private readonly DomainTable _domains;
    private readonly CompiledVirtualHost[] _virtualHosts;

    internal RouteTable(RouteConfiguration source, CompiledVirtualHost[] virtualHosts, DomainTable domains, ImmutableArray<string> clusterNames)
    {
        Source = source;
        _virtualHosts = virtualHosts;
        _domains = domains;
        ClusterNames = clusterNames;
        InternalOnlyHeaders = [.. source.InternalOnlyHeaders.Select(static name => System.Text.Encoding.UTF8.GetBytes(name.ToLowerInvariant()))];
    }

    /// <summary>The configuration as given.</summary>
    public RouteConfiguration Source { get; }

    /// <summary>Name of the configuration.</summary>
    public string Name => Source.Name;

    /// <summary>Every cluster that the routes name, once; <see cref="ClusterTarget.Ordinal"/> is an index into it.</summary>
    public ImmutableArray<string> ClusterNames { get; }

    /// <summary>Names, in lower case, of what external clients may not say.</summary>
    internal byte[][] InternalOnlyHeaders { get; }

    /// <summary>Conditions on addresses, whose counters are bound with those of the routes.</summary>
    internal CompiledAddressPredicate[] AddressPredicates { get; init; } = [];

    /// <summary>The virtual hosts in their order.</summary>
    public ReadOnlySpan<CompiledVirtualHost> VirtualHosts => _virtualHosts;

    /// <summary>Compiles a configuration. On failure all errors are reported, not only the first.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="regexSyntax">Reads its regular expressions; null to refuse any.</param>
    /// <param name="table">The table; null on failure.</param>
    /// <param name="errors">What is wrong; empty on success.</param>
    public static bool TryCompile(
        RouteConfiguration configuration, RegexSyntax? regexSyntax, [NotNullWhen(true)] out RouteTable? table, out ImmutableArray<RouteError> errors) =>
        new RouteTableCompiler(configuration, regexSyntax).TryCompile(out table, out errors);

    /// <summary>Compiles a configuration that is known to be good.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="regexSyntax">Reads its regular expressions; null to refuse any.</param>
    /// <exception cref="ArgumentException">It is not; the message holds all errors.</exception>
    public static RouteTable Compile(RouteConfiguration configuration, RegexSyntax? regexSyntax = null) => TryCompile(configuration, regexSyntax, out var table, out var errors)
        ? table
        : throw new ArgumentException(string.Join(Environment.NewLine, errors), nameof(configuration));

    /// <summary>
    /// Finds the route of a request; false where there is none, which is answered 404 with response flag NR.
    /// </summary>
    /// <param name="head">The request, normalised: what is matched here is what is forwarded.</param>
    /// <param name="runtime">What fractions with a runtime key go by.</param>
    /// <param name="random">A number drawn once for the request: decides on runtime fractions and weighted clusters.</param>
    /// <param name="trace">Hears why; <see cref="NoTrace"/> for traffic.</param>
    /// <param name="result">The route.</param>
    public bool TryMatch<TTrace>(RequestHead head, RuntimeValues runtime, ulong random, ref TTrace trace, out RouteMatchResult result)
        where TTrace : struct, IMatchTrace
    {
        if (_domains.Find(head, ref trace)?.Match(head, runtime, random, ref trace) is { } route)
        {
            result = new RouteMatchResult(route, random);
            return true;
        }

        result = default;
        return false;
    }

    /// <summary>Gives routes and virtual clusters that are counted by themselves their counters. To be called before the first request, by one thread at a time.</summary>
    /// <param name="registry">Where they are registered.</param>
    internal void BindStats(StatRegistry registry)
    {
        foreach (var predicate in AddressPredicates)
        {
            predicate.BindStats(registry);
        }

        foreach (var host in _virtualHosts)
        {
            host.VirtualClusters?.BindStats(registry, host.Name);
            foreach (var route in host.Routes)
            {
                route.IsCounted = host.VirtualClusters is not null || route.Source.StatPrefix.Length > 0;
                if (route.Source.StatPrefix.Length > 0)
                {
                    route.Stats ??= new RouteStats(registry, $"vhost.{host.Name}.route.{route.Source.StatPrefix}.");
                }
            }
        }
    }

    /// <summary>Finds the route of a request in traffic.</summary>
    public bool TryMatch(RequestHead head, RuntimeValues runtime, ulong random, out RouteMatchResult result)
    {
        var trace = default(NoTrace);
        return TryMatch(head, runtime, random, ref trace, out result);
    }
}

/// <summary>The route that a request takes. Holds references into an immutable table; valid as long as the caller likes.</summary>
public readonly struct RouteMatchResult
{
    private readonly ulong _random;

    internal RouteMatchResult(CompiledRoute route, ulong random)
    {
        Route = route;
        _random = random;
    }

    /// <summary>The route.</summary>
    public CompiledRoute Route { get; }

    /// <summary>The virtual host of the route.</summary>
    public CompiledVirtualHost VirtualHost => Route.VirtualHost;

    /// <summary>The cluster of a <see cref="RouteKind.Forward"/> route, chosen by the request's random number.</summary>
    public ClusterTarget PickCluster() => Route.Forward!.PickCluster(_random);

    /// <summary>The same, or by the number that a header of the request gives and by the weights of the runtime where the route says so.</summary>
    internal ClusterTarget PickCluster(RequestHead head, RuntimeValues runtime) => Route.Forward!.PickCluster(head, runtime, _random);
}

using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>
/// A <see cref="RequestMirrorPolicy"/> ready for traffic: where copies go, as a route of its own that changes nothing of them. Immutable.
/// </summary>
internal sealed class CompiledMirror
{
    private readonly RuntimeFraction? _fraction;

    private CompiledMirror(CompiledRoute route, ClusterTarget target, RuntimeFraction? fraction)
    {
        Route = route;
        Target = target;
        _fraction = fraction;
    }

    /// <summary>The route that copies take. It has the timeout of the route that is mirrored, no retries and the default priority, as in Envoy.</summary>
    public CompiledRoute Route { get; }

    /// <summary>The cluster.</summary>
    public ClusterTarget Target { get; }

    /// <summary>Share of requests in percent.</summary>
    public double PercentOf(RuntimeValues runtime) => _fraction is null ? 100 : Math.Min(100, 100.0 * _fraction.ShareIn(runtime).Numerator / _fraction.ShareIn(runtime).Denominator);

    /// <summary>True where a request with this random number is mirrored.</summary>
    public bool Applies(RuntimeValues runtime, ulong random) => _fraction is null || _fraction.Includes(runtime, random);

    /// <summary>Compiles the policies of one route; null for none.</summary>
    /// <param name="policies">The policies: of the route, or else of its virtual host, or else of all.</param>
    /// <param name="mirrored">The route whose requests are mirrored.</param>
    /// <param name="virtualHost">Its virtual host.</param>
    /// <param name="scope">Knows the clusters.</param>
    public static CompiledMirror[]? Compile(ReadOnlySpan<RequestMirrorPolicy> policies, ForwardAction mirrored, CompiledVirtualHost virtualHost, CompilationScope scope)
    {
        if (policies.IsEmpty)
        {
            return null;
        }

        var mirrors = new CompiledMirror[policies.Length];
        for (var i = 0; i < mirrors.Length; i++)
        {
            var policy = policies[i];
            var ordinal = policy.Cluster.Length > 0 ? scope.Cluster(policy.Cluster) : -1;
            var target = new ClusterTarget(policy.Cluster, ordinal, policy.ClusterHeader, "", HeaderMutations.None, HeaderMutations.None);
            var action = new ForwardAction
            {
                Cluster = ordinal >= 0 ? new SingleCluster(policy.Cluster) : new ClusterFromHeader(policy.ClusterHeader),
                Timeout = mirrored.Timeout,
                IdleTimeout = mirrored.IdleTimeout,
                MaxStreamDuration = mirrored.MaxStreamDuration,
                GrpcTimeout = mirrored.GrpcTimeout,
            };
            var route = new CompiledRoute(new Route { Name = "mirror", Match = new RouteMatch { Path = new PrefixPath("") }, Action = action }, virtualHost, -1, null)
            {
                Kind = RouteKind.Forward,
                Forward = new CompiledForward(action, null, [target], [], PathRewrite.None, null) { AppendsShadowToHost = !policy.DisablesShadowHostSuffix },
            };
            mirrors[i] = new CompiledMirror(route, target, policy.Fraction);
        }

        return mirrors;
    }

    /// <summary>Reports what is wrong with the policies of one level.</summary>
    public static void Check(ReadOnlySpan<RequestMirrorPolicy> policies, string path, CompilationScope scope)
    {
        for (var i = 0; i < policies.Length; i++)
        {
            var at = $"{path}request_mirror_policies[{i}]";
            if (policies[i].Cluster.Length == 0 == (policies[i].ClusterHeader.Length == 0))
            {
                scope.Error(at, "exactly one of cluster and cluster_header is needed", "set one and leave out the other");
            }

            if (policies[i].Fraction is { Denominator: not (100 or 10_000 or 1_000_000) } fraction)
            {
                scope.Error($"{at}.runtime_fraction.default_value.denominator", $"{fraction.Denominator} is not a denominator", "use HUNDRED, TEN_THOUSAND or MILLION");
            }
        }
    }
}

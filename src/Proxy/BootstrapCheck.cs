using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Xds.Loading;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy;

/// <summary>Finds what keeps a bootstrap from running here although it is well-formed, without running it.</summary>
public static class BootstrapCheck
{
    /// <summary>Every fault in one line, with path and remedy; empty where the bootstrap can be run.</summary>
    /// <param name="bootstrap">The bootstrap, already loaded and checked.</param>
    /// <param name="places">Where it stands in its file, to name file and line as well; null for paths alone.</param>
    public static IReadOnlyList<string> Faults(Bootstrap bootstrap, ConfigPlaces? places = null)
    {
        ArgumentNullException.ThrowIfNull(bootstrap);
        return [.. ConnectionProblems(bootstrap).Concat(ResourceProblems(bootstrap)).Select(problem => Describe(problem, places)).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>What is wrong with how discovery and overload protection are configured.</summary>
    internal static IReadOnlyList<ConfigProblem> ConnectionProblems(Bootstrap bootstrap)
    {
        var problems = new TranslationProblems();
        ControlPlaneConnection.Of(bootstrap, problems);
        DnsResolverTranslator.OfBootstrap(bootstrap, problems);
        OverloadTranslator.Translate(bootstrap.OverloadManager, problems, ConfigPath.Root.Field("overload_manager"));
        RuntimeLoader.Check(bootstrap, problems, ConfigPath.Root.Field("layered_runtime"));
        return problems.Found;
    }

    /// <summary>The path of a static cluster, and of all of them where there is none of that name.</summary>
    internal static ConfigPath PlaceOfCluster(Bootstrap bootstrap, string name) =>
        Place("clusters", bootstrap.StaticResources?.Clusters.Select(static cluster => cluster.Name), name);

    /// <summary>The path of a static listener, and of all of them where there is none of that name.</summary>
    internal static ConfigPath PlaceOfListener(Bootstrap bootstrap, string name) =>
        Place("listeners", bootstrap.StaticResources?.Listeners.Select(static listener => listener.Name), name);

    /// <summary>The path of a static secret, and of all of them where there is none of that name.</summary>
    internal static ConfigPath PlaceOfSecret(Bootstrap bootstrap, string name) =>
        Place("secrets", bootstrap.StaticResources?.Secrets.Select(static secret => secret.Name), name);

    /// <summary>A problem as people read it.</summary>
    internal static string Describe(ConfigProblem problem, ConfigPlaces? places) => places?.ErrorOf(problem).ToString() ?? problem.ToString();

    private static IEnumerable<ConfigProblem> ResourceProblems(Bootstrap bootstrap)
    {
        var controlPlane = ControlPlaneConnection.ClusterNames(bootstrap);
        var secrets = new SecretResources(new SecretStats(new StatRegistry(), TimeProvider.System), TimeProvider.System) { ServiceFault = new SecretServiceTargets(bootstrap, TimeProvider.System).FaultOf };
        var ofSecrets = new ApplyOutcome();
        secrets.Set(bootstrap.StaticResources?.Secrets ?? [], "", SecretSource.Bootstrap, ResourceOrigin.Bootstrap, ofSecrets);
        foreach (var rejection in ofSecrets.Rejections)
        {
            foreach (var problem in rejection.Problems)
            {
                yield return problem with { Path = problem.Path.Under(PlaceOfSecret(bootstrap, rejection.Name)) };
            }
        }

        foreach (var cluster in bootstrap.StaticResources?.Clusters ?? [])
        {
            var problems = new TranslationProblems();
            secrets.Check(ClusterTranslator.Translate(cluster, problems, controlPlane.Contains(cluster.Name))?.Sockets.Plans ?? [], problems);
            foreach (var problem in problems.Found.Concat(problems.Ignored))
            {
                yield return problem with { Path = problem.Path.Under(PlaceOfCluster(bootstrap, cluster.Name)) };
            }
        }

        foreach (var listener in bootstrap.StaticResources?.Listeners ?? [])
        {
            var problems = new TranslationProblems();
            secrets.Check(ListenerTranslator.Translate(listener, problems)?.Tls.OfType<TlsPlan>() ?? [], problems);
            foreach (var problem in problems.Found.Concat(problems.Ignored))
            {
                yield return problem with { Path = problem.Path.Under(PlaceOfListener(bootstrap, listener.Name)) };
            }
        }
    }

    private static ConfigPath Place(string kind, IEnumerable<string>? names, string name)
    {
        var all = ConfigPath.Root.Field("static_resources").Field(kind);
        var index = (names ?? []).ToList().IndexOf(name);
        return index < 0 ? all : all.Index(index);
    }
}

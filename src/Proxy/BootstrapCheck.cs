using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Proxy.Config;

namespace KubeProxyNet.Proxy;

/// <summary>Finds what keeps a bootstrap from running here although it is well-formed, without running it.</summary>
public static class BootstrapCheck
{
    /// <summary>Every fault in one line, with path and remedy; empty where the bootstrap can be run.</summary>
    public static IReadOnlyList<string> Faults(Bootstrap bootstrap)
    {
        ArgumentNullException.ThrowIfNull(bootstrap);
        var faults = new List<string>();
        var connection = new TranslationProblems();
        ControlPlaneConnection.Of(bootstrap, connection);
        faults.AddRange(connection.Found.Select(static problem => problem.ToString()));
        var controlPlane = ControlPlaneConnection.ClusterNames(bootstrap);
        var resources = bootstrap.StaticResources ?? new Bootstrap.Types.StaticResources();
        foreach (var cluster in resources.Clusters)
        {
            var problems = new TranslationProblems();
            ClusterTranslator.Translate(cluster, problems, controlPlane.Contains(cluster.Name));
            faults.AddRange(problems.Found.Select(problem => $"cluster \"{cluster.Name}\": {problem}"));
        }

        foreach (var listener in resources.Listeners)
        {
            var problems = new TranslationProblems();
            ListenerTranslator.Translate(listener, problems);
            faults.AddRange(problems.Found.Select(problem => $"listener \"{listener.Name}\": {problem}"));
        }

        return faults;
    }
}

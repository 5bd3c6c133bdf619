using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Listeners;

namespace KubeProxyNet.Proxy.Config;

/// <summary>What could not go live of a publication. Everything else did.</summary>
/// <param name="Listeners">Listeners that could not be opened or changed.</param>
/// <param name="Clusters">Clusters that stay as they were.</param>
internal sealed record PublicationFailures(IReadOnlyList<ListenerFailure> Listeners, IReadOnlyList<ClusterFailure> Clusters)
{
    /// <summary>Everything went live.</summary>
    public static PublicationFailures None { get; } = new([], []);

    /// <summary>Those among some users of secrets that failed for what the secrets hold, each with the reason.</summary>
    public IReadOnlyDictionary<ISecretUser, string> OfTls(IEnumerable<ISecretUser> users)
    {
        var failed = new Dictionary<ISecretUser, string>();
        foreach (var user in users)
        {
            var reason = user is ClusterEntry cluster
                ? Clusters.FirstOrDefault(failure => failure.Cluster == cluster.Name)?.Message
                : Listeners.FirstOrDefault(failure => failure.IsTls && failure.Listener == ((ListenerEntry)user).Message.Name)?.Message;
            if (reason is not null)
            {
                failed[user] = reason;
            }
        }

        return failed;
    }
}

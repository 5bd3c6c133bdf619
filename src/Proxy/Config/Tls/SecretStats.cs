using System.IO.Hashing;
using System.Text;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>
/// Counts what becomes of secrets under Envoy's names: <c>sds.NAME.</c> (Envoy documentation, "Secret discovery service", "Statistics", and
/// "xDS subscription statistics"), and the contexts that are made again for them.
/// </summary>
internal sealed class SecretStats(StatRegistry registry, TimeProvider time)
{
    /// <summary>A secret was taken.</summary>
    public void CountUpdate(string name, string version)
    {
        Count(name, "update_attempt");
        Count(name, "update_success");
        registry.Shared.Set(registry.Gauge($"sds.{name}.version"), VersionOf(version));
        registry.Shared.Set(registry.Gauge($"sds.{name}.update_time"), time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    /// <summary>A secret was refused.</summary>
    public void CountRejection(string name)
    {
        Count(name, "update_attempt");
        Count(name, "update_rejected");
    }

    /// <summary>A secret that was taken turned out not to be usable.</summary>
    /// <param name="name">Its name; null for one that stands in a listener or cluster.</param>
    public void CountRefusal(string? name)
    {
        if (name is not null)
        {
            Count(name, "update_rejected");
        }
    }

    /// <summary>Files that a secret names were read again and are bad.</summary>
    /// <param name="name">Its name; null for one that stands in a listener or cluster, which Envoy does not count.</param>
    public void CountFailedRotation(string? name)
    {
        if (name is not null)
        {
            Count(name, "key_rotation_failed");
        }
    }

    /// <summary>The service of a secret could not be reached, or went away.</summary>
    public void CountFailure(string name) => Count(name, "update_failure");

    /// <summary>The service of a secret answers, or does not any more.</summary>
    public void SetConnected(string name, bool isConnected) => registry.Shared.Set(registry.Gauge($"sds.{name}.control_plane.connected_state"), isConnected ? 1 : 0);

    /// <summary>A secret did not come in time.</summary>
    public void CountTimeout(string name) => Count(name, "init_fetch_timeout");

    /// <summary>A context was made again for a secret.</summary>
    /// <param name="scope">Whose, as <c>cluster.NAME.client_ssl_socket_factory.</c></param>
    public void CountContext(string scope) => registry.Shared.Increment(registry.Counter(scope + "ssl_context_update_by_sds"));

    private void Count(string name, string what) => registry.Shared.Increment(registry.Counter($"sds.{name}.{what}"));

    /// <summary>A number that changes with the version: its hash, as in Envoy.</summary>
    private static long VersionOf(string version) => (long)(XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(version)) & long.MaxValue);
}

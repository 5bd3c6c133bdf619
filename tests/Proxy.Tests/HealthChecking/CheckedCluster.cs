using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>Proxies whose cluster, <c>backend</c>, is checked many times a second.</summary>
internal static class CheckedCluster
{
    public const string Path = "/health";

    public static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(10);

    /// <summary>For what must not happen again in a test.</summary>
    public static readonly TimeSpan Never = TimeSpan.FromHours(1);

    /// <summary>Checks by HTTP that come soon, with or without traffic, with thresholds of 2.</summary>
    public static HealthCheckConfig Http { get; } = Checks(new HttpHealthCheck { Path = Path, Host = "check.test" });

    public static HealthCheckConfig Checks(HealthCheckProbe probe) => new()
    {
        Probe = probe,
        Timeout = TimeSpan.FromSeconds(5),
        Interval = Soon,
        NoTrafficInterval = Soon,
        UnhealthyThreshold = 2,
        HealthyThreshold = 2,
    };

    public static HealthCheckConfig WithProbe(this HealthCheckConfig config, Func<HttpHealthCheck, HttpHealthCheck> change) =>
        config with { Probe = change((HttpHealthCheck)config.Probe) };

    public static ClusterSpecification Of(HealthCheckConfig? check, params int[] ports)
    {
        var cluster = RunningProxy.Cluster("backend", ports);
        return cluster with { Config = cluster.Config with { HealthCheck = check } };
    }

    public static RunningProxy Start(HealthCheckConfig check, params int[] ports) => Start(Of(check, ports));

    public static RunningProxy Start(ClusterSpecification cluster, int workers = 1) =>
        RunningProxy.Start(RunningProxy.Everything("backend"), [cluster], workers: workers);

    public static void Apply(this RunningProxy proxy, ClusterSpecification? cluster) => proxy.Engine.Apply(new Listeners.ConfigurationChange
    {
        Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = cluster },
    });

    public static HostHealthFlags FlagsOf(this RunningProxy proxy, int port) =>
        proxy.Engine.Snapshot.Clusters["backend"].Endpoints.First(endpoint => endpoint.Config.Address.Port == port).State.Health.Flags;

    public static long CheckStat(this RunningProxy proxy, string name) => proxy.Stat($"cluster.backend.health_check.{name}");

    public static Task UntilAsync(this RunningProxy proxy, int port, HostHealthFlags flags) =>
        Patience.UntilAsync(() => proxy.FlagsOf(port) == flags, $"{flags} of {port}");

    public static Task UntilFailedAsync(this RunningProxy proxy, int port) =>
        Patience.UntilAsync(() => proxy.FlagsOf(port).HasFlag(HostHealthFlags.FailedActiveHealthCheck), $"the failure of {port}");

    /// <summary>Waits until the gauge of healthy members, which follows the balancer, says so.</summary>
    public static Task UntilHealthyAsync(this RunningProxy proxy, int count) =>
        Patience.UntilAsync(() => proxy.Stat("cluster.backend.membership_healthy") == count, $"{count} healthy members");

    public static Task UntilMoreChecksAsync(this RunningProxy proxy, int count = 5)
    {
        var before = proxy.CheckStat("attempt");
        return Patience.UntilAsync(() => proxy.CheckStat("attempt") >= before + count, "more checks");
    }
}

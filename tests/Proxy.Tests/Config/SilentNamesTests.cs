using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Testing;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>A DNS server that never answers.</summary>
public sealed class SilentNamesTests
{
    [Fact]
    public async Task A_cluster_does_not_wait_longer_for_its_first_answer_than_for_discovery()
    {
        var clock = new TimerClock();
        await using var proxy = new ConfiguredProxy();
        await using var names = new Dns.ScriptedNameserver { Otherwise = Dns.ScriptedNameserver.Silence };
        using var end = new CancellationTokenSource();
        var options = new DnsQueryOptions { Servers = [names.EndPoint] };
        var resolver = new DnsResolver(options, new SystemNames(clock, "host"), clock, end.Token);
        proxy.State.DnsClusterAdded = cluster =>
        {
            var updates = new DnsClusterUpdates(
                cluster, resolver, endpoints => proxy.State.SetResolvedEndpoints([KeyValuePair.Create(cluster, endpoints)]), new DnsUpdateStats(proxy.Stats, "c"), static () => 0, clock);
            _ = updates.RunAsync(end.Token);
        };
        proxy.State.SetClusters(
            [FromYaml.Message<ClusterMessage>("{name: c, type: STRICT_DNS, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: silent.test., port_value: 80}}}}]}]}}")],
            [],
            "1",
            ResourceOrigin.Wire).Rejections.Should().BeEmpty();
        await Patience.UntilAsync(() => names.Queries.Count > 0, "a query");

        clock.Advance(DnsClusterUpdates.LongestWait - TimeSpan.FromSeconds(1));
        proxy.Snapshot.Clusters.Should().BeEmpty("an answer may still come");
        clock.Advance(TimeSpan.FromSeconds(1));
        await Patience.UntilAsync(() => proxy.Snapshot.Clusters.ContainsKey("c"), "the cluster in force");
        proxy.Snapshot.Clusters["c"].Endpoints.Should().BeEmpty();
        await end.CancelAsync();
    }
}

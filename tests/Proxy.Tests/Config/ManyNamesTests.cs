using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Testing;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class ManyNamesTests
{
    private const int Count = 10_000;

    [Fact]
    public async Task Names_that_are_answered_at_once_go_live_in_few_swaps()
    {
        await using var proxy = new ConfiguredProxy();
        var resolvers = new DnsResolvers(new(), new SystemNames(TimeProvider.System, "host"), TimeProvider.System, CancellationToken.None);
        proxy.State.DnsClusterAdded = new DnsResolution(proxy.State, resolvers, proxy.Stats, TimeProvider.System, proxy.Log).Follow;
        var sample = FromYaml.Message<ClusterMessage>(
            "{name: c, type: STRICT_DNS, dns_refresh_rate: 3600s, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}}]}]}}");
        ClusterMessage[] clusters = [.. Enumerable.Range(0, Count).Select(i =>
        {
            var cluster = sample.Clone();
            cluster.Name = string.Create(CultureInfo.InvariantCulture, $"cluster-{i}");
            return cluster;
        })];

        proxy.State.SetClusters(clusters, [], "1", ResourceOrigin.Wire).Rejections.Should().BeEmpty();
        await proxy.State.Warm.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        proxy.Snapshot.Clusters.Should().HaveCount(Count);
        proxy.Snapshot.Clusters.Values.Should().OnlyContain(static cluster => cluster.Endpoints.Length == 1);
        proxy.Snapshot.Version.Should().BeLessThan(Count / 2);
    }
}

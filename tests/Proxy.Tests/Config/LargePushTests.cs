using System.Globalization;
using AwesomeAssertions;
using Envoy.Config.Endpoint.V3;
using KubeProxyNet.Proxy.Config;
using static KubeProxyNet.Proxy.Tests.Config.ConfiguredProxy;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Ten thousand clusters: the cost of a push grows with what is in it, not with its square. These would not end within minutes if it did.</summary>
public sealed class LargePushTests
{
    private const int Count = 10_000;

    private static readonly ClusterMessage[] Clusters = Messages(Discovered("c"), static (cluster, name) => cluster.Name = name);
    private static readonly ClusterLoadAssignment[] Assignments = Messages(Assignment("c", 1), static (assignment, name) => assignment.ClusterName = name);

    [Fact]
    public async Task A_full_push_goes_live()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.State.SetClusters(Clusters, [], "1", ResourceOrigin.Wire).Rejections.Should().BeEmpty();
        proxy.State.EndpointSubscriptions.Should().HaveCount(Count);
        proxy.State.SetAssignments(Assignments, "1", ResourceOrigin.Wire).Rejections.Should().BeEmpty();
        proxy.Snapshot.Clusters.Should().HaveCount(Count);
        proxy.Snapshot.Version.Should().Be(1, "it is one swap");
    }

    [Fact]
    public async Task Assignments_that_come_one_by_one_each_change_one_cluster()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.State.SetClusters(Clusters, [], "1", ResourceOrigin.Wire);
        proxy.State.SetAssignments(Assignments, "1", ResourceOrigin.Wire);
        for (var i = 0; i < 100; i++)
        {
            proxy.Assignments(Assignment(Assignments[i].ClusterName, 2));
            _ = proxy.State.EndpointSubscriptions;
        }

        proxy.Stat("cluster_manager.cluster_updated").Should().Be(100);
    }

    [Fact]
    public async Task Everything_can_be_taken_away_at_once()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.State.SetClusters(Clusters, [], "1", ResourceOrigin.Wire);
        proxy.State.SetAssignments(Assignments, "1", ResourceOrigin.Wire);
        proxy.State.SetClusters([], [.. Clusters.Select(static cluster => cluster.Name)], "2", ResourceOrigin.Wire);
        proxy.Snapshot.Clusters.Should().BeEmpty();
        proxy.State.Accepted().Endpoints.Should().BeEmpty();
    }

    private static T[] Messages<T>(T sample, Action<T, string> setName)
        where T : class, Google.Protobuf.IDeepCloneable<T> => [.. Enumerable.Range(0, Count).Select(i =>
        {
            var message = sample.Clone();
            setName(message, string.Create(CultureInfo.InvariantCulture, $"cluster-{i}"));
            return message;
        })];
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using static KubeProxyNet.Proxy.Tests.Config.ConfiguredProxy;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class ClusterWarmingTests
{
    [Fact]
    public async Task A_discovered_cluster_goes_live_with_its_endpoints()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a")).Rejections.Should().BeEmpty();
        proxy.PortsOf("a").Should().BeNull();
        proxy.State.Warm.IsCompleted.Should().BeFalse();
        proxy.State.EndpointSubscriptions.Should().Equal("a");

        proxy.Assignments(Assignment("a", 1, 2));
        proxy.PortsOf("a").Should().Equal(1, 2);
        proxy.State.Warm.IsCompleted.Should().BeTrue();
    }

    [Fact]
    public async Task An_assignment_without_endpoints_makes_a_cluster_warm()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"));
        proxy.Assignments(Assignment("a"));
        proxy.PortsOf("a").Should().BeEmpty();
    }

    [Fact]
    public async Task A_replacement_leaves_its_predecessor_in_force_until_it_is_warm()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Static("a", 1));
        proxy.Clusters(Discovered("a", service: "s"));
        proxy.PortsOf("a").Should().Equal(1);

        proxy.Assignments(Assignment("s", 2));
        proxy.PortsOf("a").Should().Equal(2);
    }

    [Fact]
    public async Task New_settings_of_a_cluster_take_its_known_endpoints_along()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"));
        proxy.Assignments(Assignment("a", 1));
        proxy.Clusters(Discovered("a", "connect_timeout: 9s"));
        proxy.PortsOf("a").Should().Equal(1);
        proxy.Snapshot.Clusters["a"].Config.ConnectTimeout.Should().Be(TimeSpan.FromSeconds(9));
    }

    [Fact]
    public async Task What_equals_what_is_there_is_not_touched()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"), Static("b", 1));
        proxy.Assignments(Assignment("a", 1));
        var before = proxy.Snapshot;

        proxy.Clusters(Discovered("a"), Static("b", 1));
        proxy.Assignments(Assignment("a", 1));
        proxy.Snapshot.Should().BeSameAs(before);
    }

    [Fact]
    public async Task A_changed_assignment_changes_only_its_cluster()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"), Discovered("b"), Static("c", 3));
        proxy.Assignments(Assignment("a", 1), Assignment("b", 2));
        var before = proxy.Snapshot;

        proxy.Assignments(Assignment("a", 1), Assignment("b", 2, 4));
        proxy.Snapshot.Clusters["a"].Should().BeSameAs(before.Clusters["a"]);
        proxy.Snapshot.Clusters["c"].Should().BeSameAs(before.Clusters["c"]);
        proxy.PortsOf("b").Should().Equal(2, 4);
        proxy.Snapshot.Clusters["b"].State.Should().BeSameAs(before.Clusters["b"].State, "its connections go on");
        proxy.Stat("cluster_manager.cluster_updated").Should().Be(1);
    }

    [Fact]
    public async Task Clusters_may_share_what_they_ask_of_endpoint_discovery()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a", service: "s"), Discovered("b", service: "s"));
        proxy.State.EndpointSubscriptions.Should().Equal("s");
        proxy.Assignments(Assignment("s", 1));
        proxy.PortsOf("a").Should().Equal(1);
        proxy.PortsOf("b").Should().Equal(1);

        proxy.Removed("a");
        proxy.Assignments(Assignment("s", 2));
        proxy.PortsOf("b").Should().Equal(2);
        proxy.State.EndpointSubscriptions.Should().Equal("s");
    }

    [Fact]
    public async Task A_removed_cluster_is_gone_with_its_endpoints()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"));
        proxy.Assignments(Assignment("a", 1));
        proxy.Removed("a");
        proxy.PortsOf("a").Should().BeNull();
        proxy.State.EndpointSubscriptions.Should().BeEmpty();
        proxy.State.Accepted().Endpoints.Should().BeEmpty();

        proxy.Clusters(Discovered("a"));
        proxy.PortsOf("a").Should().BeNull("endpoints of before may be of the past");
    }

    [Fact]
    public async Task A_removed_cluster_stays_as_long_as_routes_name_it()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Static("old", 1), Static("new", 2));
        proxy.Listeners(Discovering("l", "r"));
        proxy.RouteTables(Routes("r", "old"));

        proxy.Removed("old");
        proxy.PortsOf("old").Should().Equal(1);
        proxy.RouteTables(Routes("r", "new"));
        proxy.PortsOf("old").Should().BeNull();
        proxy.Stat("cluster_manager.cluster_removed").Should().Be(1);
    }

    [Fact]
    public async Task A_removed_cluster_stays_as_long_as_a_listener_names_it()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Static("old", 1));
        proxy.Listeners(Inline("l", "old"));
        proxy.Removed("old");
        proxy.PortsOf("old").Should().Equal(1);
        proxy.RemovedListeners("l");
        proxy.PortsOf("old").Should().BeNull();
    }

    [Fact]
    public async Task A_cluster_that_returns_while_routes_still_name_it_is_asked_for_again()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"));
        proxy.Assignments(Assignment("a", 1));
        proxy.Listeners(Inline("l", "a"));
        proxy.Removed("a");
        proxy.State.EndpointSubscriptions.Should().BeEmpty();

        proxy.Clusters(Discovered("a"));
        proxy.State.EndpointSubscriptions.Should().Equal("a");
        proxy.PortsOf("a").Should().Equal(1);
        proxy.Assignments(Assignment("a", 2));
        proxy.PortsOf("a").Should().Equal(2);
        proxy.RemovedListeners("l");
        proxy.PortsOf("a").Should().Equal(2);
    }

    [Fact]
    public async Task Clusters_of_the_bootstrap_can_be_neither_replaced_nor_removed()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.State.SetClusters([Static("a", 1), Discovered("warming")], [], "", ResourceOrigin.Bootstrap);
        var outcome = proxy.State.SetClusters([Static("a", 2), Static("warming", 2), Static("b", 3)], ["a"], "1", ResourceOrigin.Wire);
        outcome.Rejections.Select(static rejection => rejection.Name).Should().Equal("a", "warming");
        outcome.Rejections[0].Reason.Should().Be("\"a\" is defined in the bootstrap and cannot be replaced by discovery; rename one of them");
        proxy.PortsOf("a").Should().Equal(1);
        proxy.PortsOf("b").Should().Equal(3);
    }

    [Fact]
    public async Task A_bad_cluster_harms_only_itself_and_its_last_good_version_stays()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Static("a", 1));
        var outcome = proxy.Clusters(Static("a", 2, "maglev_lb_config: {table_size: 4}"), Static("bad", 3, "maglev_lb_config: {table_size: 4}"), Static("good", 4));
        outcome.Rejections.Select(static rejection => rejection.Name).Should().Equal("a", "bad");
        outcome.Rejections[0].Reason.Should().Be("maglev_lb_config.table_size: 4 is no prime number; write a prime, such as 65537");
        proxy.PortsOf("a").Should().Equal(1);
        proxy.PortsOf("bad").Should().BeNull();
        proxy.PortsOf("good").Should().Equal(4);
    }

    [Fact]
    public async Task A_bad_assignment_leaves_the_endpoints_of_before()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"), Discovered("b"));
        proxy.Assignments(Assignment("a", 1));
        var bad = Assignment("a", 2);
        bad.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.Address = "a.example";
        proxy.Assignments(bad, Assignment("b", 3)).Rejections.Should().ContainSingle().Which.Name.Should().Be("a");
        proxy.PortsOf("a").Should().Equal(1);
        proxy.PortsOf("b").Should().Equal(3);
    }

    [Fact]
    public async Task Endpoints_that_do_not_come_are_waited_for_only_so_long()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"), Discovered("short", source: "ads: {}, initial_fetch_timeout: 2s"), Discovered("patient", source: "ads: {}, initial_fetch_timeout: 0s"));
        proxy.Clock.Advance(TimeSpan.FromSeconds(2));
        proxy.PortsOf("short").Should().BeEmpty();
        proxy.PortsOf("a").Should().BeNull();

        proxy.Clock.Advance(TimeSpan.FromSeconds(13));
        proxy.PortsOf("a").Should().BeEmpty();
        proxy.Log.Lines.Should().Contain("Warning: no endpoints came for cluster \"a\" within 15 s; it goes into force without");

        proxy.Clock.Advance(TimeSpan.FromDays(1));
        proxy.PortsOf("patient").Should().BeNull();
        proxy.Assignments(Assignment("a", 1));
        proxy.PortsOf("a").Should().Equal(1);
    }

    [Fact]
    public async Task The_wait_for_a_replaced_cluster_does_not_end_that_of_its_successor()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"));
        proxy.Clock.Advance(TimeSpan.FromSeconds(10));
        proxy.Clusters(Discovered("a", "connect_timeout: 1s"));
        proxy.Clock.Advance(TimeSpan.FromSeconds(10));
        proxy.PortsOf("a").Should().BeNull();
        proxy.Clock.Advance(TimeSpan.FromSeconds(5));
        proxy.PortsOf("a").Should().BeEmpty();
    }

    [Fact]
    public async Task After_the_end_nothing_is_waited_for()
    {
        await using var proxy = new ConfiguredProxy();
        ClusterEntry? resolving = null;
        proxy.State.DnsClusterAdded = cluster => resolving = cluster;
        proxy.Clusters(Discovered("a"), FromYaml.Message<ClusterMessage>("{name: dns, type: STRICT_DNS, load_assignment: {cluster_name: dns}}"));
        proxy.State.Dispose();
        resolving!.Lifetime.IsCancellationRequested.Should().BeTrue();
        proxy.Clock.Advance(TimeSpan.FromMinutes(1));
        proxy.State.SetResolvedEndpoints(resolving, []);
        proxy.Snapshot.Clusters.Should().BeEmpty();
    }

    [Fact]
    public async Task A_cluster_of_names_goes_live_with_what_was_found()
    {
        await using var proxy = new ConfiguredProxy();
        var resolving = new List<ClusterEntry>();
        proxy.State.DnsClusterAdded = resolving.Add;
        proxy.Clusters(Names("1s"));
        proxy.PortsOf("dns").Should().BeNull();
        proxy.State.SetResolvedEndpoints(resolving[0], EndpointTranslator.Translate(Assignment("dns", 1), new TranslationProblems())!.Value);
        proxy.PortsOf("dns").Should().Equal(1);

        proxy.Clusters(Names("2s"));
        resolving.Should().HaveCount(2);
        proxy.PortsOf("dns").Should().Equal(1);
        proxy.State.SetResolvedEndpoints(resolving[0], []);
        proxy.PortsOf("dns").Should().Equal([1], "that was found for the cluster of before");
        proxy.State.SetResolvedEndpoints(resolving[1], EndpointTranslator.Translate(Assignment("dns", 2), new TranslationProblems())!.Value);
        proxy.PortsOf("dns").Should().Equal(2);
        resolving[0].Lifetime.IsCancellationRequested.Should().BeTrue();

        static ClusterMessage Names(string refresh) =>
            FromYaml.Message<ClusterMessage>($"{{name: dns, type: STRICT_DNS, dns_refresh_rate: {refresh}, load_assignment: {{cluster_name: dns}}}}");
    }

    [Fact]
    public async Task Subscriptions_are_told_of_only_when_they_change()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Discovered("a"));
        proxy.SubscriptionChanges.Should().Be(1);
        var names = proxy.State.EndpointSubscriptions;
        proxy.Assignments(Assignment("a", 1));
        proxy.Clusters(Discovered("a", "connect_timeout: 1s"), Static("b", 1));
        proxy.SubscriptionChanges.Should().Be(1);
        (proxy.State.EndpointSubscriptions == names).Should().BeTrue("it is the same array");
    }

    [Fact]
    public async Task What_changes_is_counted()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(Static("a", 1), Static("b", 1), Discovered("c"));
        proxy.Clusters(Static("a", 2));
        proxy.Removed("b");
        proxy.Stat("cluster_manager.cluster_added").Should().Be(3);
        proxy.Stat("cluster_manager.cluster_modified").Should().Be(1);
        proxy.Stat("cluster_manager.cluster_removed").Should().Be(1);
        proxy.Stat("cluster_manager.active_clusters").Should().Be(1);
        proxy.Stat("cluster_manager.warming_clusters").Should().Be(1);
    }
}

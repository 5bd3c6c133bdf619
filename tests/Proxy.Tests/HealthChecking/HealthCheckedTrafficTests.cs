using System.Globalization;
using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>What checks do to traffic, and what traffic does to checks.</summary>
public sealed class HealthCheckedTrafficTests
{
    private const HostHealthFlags Failed = HostHealthFlags.FailedActiveHealthCheck;

    [Fact]
    public async Task A_backend_that_dies_gets_no_traffic_until_it_is_back_and_passes_its_checks()
    {
        await using var lasting = new MoodyBackend("lasting");
        var mortal = new MoodyBackend("mortal");
        var port = mortal.Port;
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http with { UnhealthyThreshold = 3, HealthyThreshold = 3 }, lasting.Port, port);
        await proxy.UntilHealthyAsync(2);
        (await BackendsAsync(proxy)).Should().BeEquivalentTo("lasting", "mortal");

        await mortal.DisposeAsync();
        await proxy.UntilHealthyAsync(1);
        (await BackendsAsync(proxy)).Should().Equal("lasting");
        proxy.CheckStat("healthy").Should().Be(1);

        await using var again = new MoodyBackend("mortal", port);
        await proxy.UntilHealthyAsync(2);
        (await BackendsAsync(proxy)).Should().BeEquivalentTo("lasting", "mortal");
        again.Checks.Count.Should().BeGreaterThanOrEqualTo(3);
    }

    [Fact]
    public async Task An_endpoint_has_failed_until_its_first_check_and_traffic_panics_rather_than_stop()
    {
        await using var backend = new MoodyBackend { OnCheck = static _ => null };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http, backend.Port);
        await backend.Server.WaitForRequestsAsync(1);

        proxy.FlagsOf(backend.Port).Should().Be(Failed);
        proxy.Engine.FirstHealthChecks.IsCompleted.Should().BeFalse();
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        proxy.Stat("cluster.backend.lb_healthy_panic").Should().Be(1);
    }

    [Fact]
    public async Task Without_panic_nobody_is_there_before_the_first_check()
    {
        var answer = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.After(answer, BackendScripts.Answer(200)));
        var cluster = CheckedCluster.Of(CheckedCluster.Http, backend.Port);
        await using var proxy = CheckedCluster.Start(cluster with { Config = cluster.Config with { Balancing = new LoadBalancerOptions { HealthyPanicThreshold = 0 } } });

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);
        (await proxy.LogAsync()).Should().Contain(" UH ");

        answer.Set();
        await proxy.UntilHealthyAsync(1);
        await proxy.Engine.FirstHealthChecks.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
    }

    [Fact]
    public async Task New_endpoints_may_count_for_nothing_until_their_first_check()
    {
        await using var known = new MoodyBackend("known");
        await using var slow = new MoodyBackend("slow", address: IPAddress.Any) { OnCheck = static _ => null };
        var cluster = CheckedCluster.Of(CheckedCluster.Http, known.Port);
        cluster = cluster with { Config = cluster.Config with { IgnoresNewHostsUntilFirstCheck = true } };
        await using var proxy = CheckedCluster.Start(cluster);
        await proxy.UntilHealthyAsync(1);

        // Three of four have not been checked: counted in, that would be panic.
        proxy.Apply(cluster with { Endpoints = [.. cluster.Endpoints, .. Addresses(slow.Port, 3)] });

        proxy.FlagsOf(slow.Port).Should().Be(Failed | HostHealthFlags.PendingActiveHealthCheck);
        proxy.Stat("cluster.backend.membership_excluded").Should().Be(3);
        (await BackendsAsync(proxy)).Should().Equal("known");
        proxy.Stat("cluster.backend.lb_healthy_panic").Should().Be(0);
    }

    [Fact]
    public void Of_endpoints_that_count_for_nothing_the_others_are_the_whole()
    {
        var load = PriorityLoad.Distribute([new LevelHealth(10, 1, 0, 1, 1, 0) { Excluded = 9 }, new LevelHealth(10, 10, 0, 10, 10, 0)], AssignmentPolicy.Default, 50);
        load.Healthy.Should().Equal(100, 0);
        load.IsInPanic.Should().AllBeEquivalentTo(false);

        var none = PriorityLoad.Distribute([new LevelHealth(0, 0, 0, 0, 0, 0), new LevelHealth(3, 0, 0, 0, 0, 0) { Excluded = 3 }], AssignmentPolicy.Default, 50);
        none.IsInPanic.Should().AllBeEquivalentTo(true);
        none.Healthy.Should().Equal([0, 100], "where nobody counts all endpoints are used");
    }

    [Fact]
    public async Task A_degraded_endpoint_gets_what_healthy_ones_cannot_take()
    {
        await using var healthy = new MoodyBackend("healthy");
        await using var degraded = new MoodyBackend("degraded") { OnCheck = static _ => "HTTP/1.1 200 OK\r\nx-envoy-degraded: 1\r\ncontent-length: 0\r\n\r\n" };
        var cluster = CheckedCluster.Of(CheckedCluster.Http, healthy.Port, degraded.Port);
        await using var proxy = CheckedCluster.Start(cluster with { Policy = new AssignmentPolicy { OverprovisioningFactor = 200 } });
        await proxy.UntilHealthyAsync(1);
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.membership_degraded") == 1, "the degraded one");
        (await BackendsAsync(proxy)).Should().Equal("healthy");

        healthy.OnCheck = static _ => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
        await proxy.UntilHealthyAsync(0);
        (await BackendsAsync(proxy)).Should().Equal("degraded");
    }

    [Fact]
    public async Task An_ordinary_response_may_take_its_endpoint_out_at_once()
    {
        await using var leaving = new MoodyBackend("leaving") { Lines = "x-envoy-immediate-health-check-fail: yes\r\n" };
        await using var other = new MoodyBackend("other");
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http with { NoTrafficInterval = CheckedCluster.Never, Interval = CheckedCluster.Never }, leaving.Port, other.Port);
        await proxy.UntilHealthyAsync(2);

        await Patience.UntilAsync(async () => (await RawHttpClient.GetAsync(proxy.Port)).BodyText == "leaving", "its turn");

        await proxy.UntilAsync(leaving.Port, Failed | HostHealthFlags.ExcludedViaImmediateHealthCheckFail);
        await proxy.UntilHealthyAsync(1);
        (await BackendsAsync(proxy)).Should().Equal("other");
        await Patience.UntilAsync(() => proxy.CheckStat("passive_failure") == 1, "the count");
        proxy.CheckStat("failure").Should().Be(1);
        proxy.Stat("cluster.backend.membership_excluded").Should().Be(1);
    }

    [Fact]
    public async Task Without_checks_that_header_says_nothing()
    {
        await using var backend = new MoodyBackend { Lines = "x-envoy-immediate-health-check-fail: yes\r\n" };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Of(null, backend.Port));
        var response = await RawHttpClient.GetAsync(proxy.Port);
        response.Status.Should().Be(200);
        proxy.FlagsOf(backend.Port).Should().Be(HostHealthFlags.None);
        backend.Checks.Should().BeEmpty();
    }

    [Fact]
    public async Task Connections_to_an_endpoint_that_fails_are_not_used_again()
    {
        await using var backend = new MoodyBackend();
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http, backend.Port);
        await proxy.UntilHealthyAsync(1);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_cx_active") == 1, "the kept connection");

        backend.OnCheck = static _ => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_cx_active") == 0, "its end");
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200, "in panic, over a new one");
        proxy.Stat("cluster.backend.upstream_cx_total").Should().Be(2);
    }

    [Fact]
    public async Task Traffic_turns_the_slow_interval_into_the_usual_one_with_the_next_check()
    {
        await using var backend = new MoodyBackend();
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http with { NoTrafficInterval = CheckedCluster.Never, NoTrafficHealthyInterval = CheckedCluster.Soon, Interval = CheckedCluster.Never }, backend.Port);
        await backend.Server.WaitForRequestsAsync(3);
        await RawHttpClient.GetAsync(proxy.Port);
        var attempts = proxy.CheckStat("attempt");
        await RawHttpClient.GetAsync(proxy.Port);
        (proxy.CheckStat("attempt") - attempts).Should().BeLessThanOrEqualTo(1);
        proxy.Stat("cluster.backend.upstream_cx_total").Should().BePositive("checks are not counted among the connections of traffic, or there would have been an hour between them");
    }

    [Fact]
    public async Task The_admin_page_shows_what_was_found()
    {
        await using var backend = new MoodyBackend { OnCheck = static _ => null };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http with { Timeout = TimeSpan.FromMilliseconds(20) }, backend.Port);
        await proxy.UntilAsync(backend.Port, Failed | HostHealthFlags.ActiveHealthCheckTimeout);

        var view = EngineViews.ClustersOf(proxy.Engine).Single().Endpoints.Single();

        EndpointFacts.HealthText(view.Health).Should().Be("/failed_active_hc/active_hc_timeout");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_thousand_endpoints_are_checked_with_one_connection_each_and_none_stays_behind(int workers)
    {
        const int Count = 1000;
        await using var backend = new MoodyBackend(address: IPAddress.Any);
        var check = CheckedCluster.Http with { Interval = TimeSpan.FromMilliseconds(200), NoTrafficInterval = TimeSpan.FromMilliseconds(200), IntervalJitterPercent = 50, InitialJitter = TimeSpan.FromMilliseconds(200) };
        var cluster = CheckedCluster.Of(check) with { Endpoints = [.. Addresses(backend.Port, Count)] };
        await using (var proxy = CheckedCluster.Start(cluster, workers))
        {
            await proxy.UntilHealthyAsync(Count);
            await proxy.UntilMoreChecksAsync(2 * Count);
            backend.Server.Connections.Count.Should().BeLessThanOrEqualTo(Count);
            proxy.CheckStat("failure").Should().Be(0);

            proxy.Apply(cluster with { Endpoints = cluster.Endpoints[..10] });
            await Patience.UntilAsync(() => backend.OpenConnections == 10, "the end of those that left");
            await Patience.UntilAsync(() => proxy.CheckStat("healthy") == 10, "the gauge");

            proxy.Apply(null);
            await Patience.UntilAsync(() => backend.OpenConnections == 0, "the end of all");
            await Patience.UntilAsync(() => proxy.CheckStat("healthy") == 0, "the gauge");
            (await proxy.Engine.TimersAsync()).Should().Be(0, "nothing is waited for");
        }
    }

    [Fact]
    public async Task Whatever_changes_while_endpoints_flap_nothing_is_left_behind()
    {
        var random = new WorkerRandom(5);
        string?[] answers = [MoodyBackend.Healthy, MoodyBackend.Healthy, null, "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", "garbage\r\n", "HTTP/1.1 200 OK\r\nx-envoy-degraded: 1\r\ncontent-le"];
        await using var backend = new MoodyBackend(address: IPAddress.Any) { OnCheck = number => answers[number * 7 % answers.Length] };
        var check = CheckedCluster.Http with { Timeout = CheckedCluster.Soon, Interval = TimeSpan.FromMilliseconds(1), NoTrafficInterval = TimeSpan.FromMilliseconds(1), InitialJitter = CheckedCluster.Soon };
        var all = Addresses(backend.Port, 40).ToArray();
        await using var proxy = CheckedCluster.Start(CheckedCluster.Of(check), workers: 2);
        for (var round = 0; round < 150; round++)
        {
            var cluster = CheckedCluster.Of(check with { UnhealthyThreshold = 1 + (round / 40) }) with { Endpoints = [.. all.Where(_ => random.Next(3) > 0)] };
            proxy.Apply(random.Next(20) == 0 ? null : cluster with { Config = cluster.Config with { KeepsPassingHosts = true } });
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().BeOneOf(200, 503);
        }

        proxy.Apply(null);

        await proxy.Engine.FirstHealthChecks.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        await Patience.UntilAsync(() => backend.OpenConnections == 0, "the end of all connections");
        await Patience.UntilAsync(() => proxy.CheckStat("healthy") == 0 && proxy.CheckStat("degraded") == 0, "the gauges");
        await Patience.UntilAsync(async () => await proxy.Engine.TimersAsync() == 0, "the end of all timers");
        backend.Server.TakeFaults();
    }

    [Fact]
    public async Task Updates_leave_the_checks_of_what_stays_alone()
    {
        await using var staying = new MoodyBackend("staying");
        await using var joining = new MoodyBackend("joining");
        var once = CheckedCluster.Http with { Interval = CheckedCluster.Never, NoTrafficInterval = CheckedCluster.Never };
        var cluster = CheckedCluster.Of(once, staying.Port);
        await using var proxy = CheckedCluster.Start(cluster);
        await proxy.UntilHealthyAsync(1);

        proxy.Apply(CheckedCluster.Of(once, staying.Port, joining.Port));
        await proxy.UntilHealthyAsync(2);
        proxy.Apply(cluster);
        proxy.Apply(cluster with { Endpoints = [cluster.Endpoints[0] with { Weight = 7 }] });
        await Patience.UntilAsync(() => proxy.CheckStat("healthy") == 1 && joining.OpenConnections == 0, "the end of its checks");

        proxy.FlagsOf(staying.Port).Should().Be(HostHealthFlags.None);
        staying.Checks.Count.Should().Be(1);
        joining.Checks.Count.Should().Be(1);
    }

    [Fact]
    public async Task A_cluster_that_replaces_another_has_its_health_until_the_checks_know_better()
    {
        await using var good = new MoodyBackend("good");
        await using var bad = new MoodyBackend("bad") { OnCheck = static _ => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n" };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http, good.Port, bad.Port);
        await proxy.UntilHealthyAsync(1);
        await proxy.UntilAsync(bad.Port, Failed);

        good.OnCheck = bad.OnCheck = static _ => null;
        proxy.Apply(CheckedCluster.Of(CheckedCluster.Http with { UnhealthyThreshold = 5 }, good.Port, bad.Port));

        proxy.FlagsOf(good.Port).Should().Be(HostHealthFlags.None);
        proxy.FlagsOf(bad.Port).Should().Be(Failed);
        (await BackendsAsync(proxy)).Should().Equal("good");
    }

    [Fact]
    public async Task An_endpoint_may_be_checked_elsewhere_under_another_name_or_not_at_all()
    {
        await using var traffic = new MoodyBackend("traffic");
        await using var health = new MoodyBackend("health");
        await using var unchecked1 = new MoodyBackend("unchecked");
        var cluster = CheckedCluster.Of(CheckedCluster.Http, traffic.Port, unchecked1.Port);
        cluster = cluster with
        {
            Endpoints =
            [
                cluster.Endpoints[0] with { HealthCheck = new EndpointHealthCheckConfig { Port = health.Port, Hostname = "own.test" } },
                cluster.Endpoints[1] with { HealthCheck = new EndpointHealthCheckConfig { IsDisabled = true } },
            ],
        };
        await using var proxy = CheckedCluster.Start(cluster);
        await proxy.UntilHealthyAsync(2);
        await health.Server.WaitForRequestsAsync(2);
        (await BackendsAsync(proxy)).Should().BeEquivalentTo("traffic", "unchecked");
        traffic.Checks.Should().BeEmpty();
        unchecked1.Checks.Should().BeEmpty();
        health.Checks[0].HeadText.Should().Contain("host: own.test\r\n");

        // Another address is another thing to check: it has failed until it was. One that is no longer checked has not.
        traffic.OnCheck = static _ => null;
        proxy.Apply(cluster with { Endpoints = [cluster.Endpoints[0] with { HealthCheck = EndpointHealthCheckConfig.Default }, cluster.Endpoints[1]] });
        await proxy.UntilAsync(traffic.Port, Failed);
        proxy.Apply(cluster with { Endpoints = [cluster.Endpoints[0] with { HealthCheck = new EndpointHealthCheckConfig { IsDisabled = true } }, cluster.Endpoints[1]] });
        await proxy.UntilHealthyAsync(2);
    }

    private static IEnumerable<EndpointConfig> Addresses(int port, int count) => Enumerable.Range(1, count).Select(i => new EndpointConfig
    {
        Address = new SocketEndpoint(IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"127.1.{i / 250}.{(i % 250) + 1}")), port),
    });

    /// <summary>Who answers some requests.</summary>
    private static async Task<string[]> BackendsAsync(RunningProxy proxy)
    {
        var backends = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < 12; i++)
        {
            var response = await RawHttpClient.GetAsync(proxy.Port);
            response.Status.Should().Be(200);
            backends.Add(response.BodyText);
        }

        return [.. backends];
    }
}

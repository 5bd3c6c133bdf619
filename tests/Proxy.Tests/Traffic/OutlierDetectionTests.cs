using AwesomeAssertions;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Outlier detection as clients and backends see it, and what of an exchange counts (Envoy documentation, "Outlier detection").</summary>
public sealed class OutlierDetectionTests
{
    private const string Prefix = "cluster.backend.outlier_detection.";

    private static readonly OutlierDetectionConfig Detection = new() { MaxEjectionPercent = 50, Consecutive5xx = 3 };

    [Fact]
    public async Task A_backend_that_fails_gets_no_requests_until_its_time_is_over()
    {
        var clock = new TimerClock();
        await using var bad = ScriptedBackend.Start(BackendScripts.Answer(500));
        await using var good = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = Start(Detection, static action => action, clock, bad.Port, good.Port);
        await GetUntilEjectedAsync(proxy);
        var seen = bad.Requests.Count;
        for (var i = 0; i < 10; i++)
        {
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        }

        bad.Requests.Should().HaveCount(seen).And.HaveCount(3);
        proxy.Stat("cluster.backend.membership_healthy").Should().Be(1);
        HealthOf(proxy, bad.Port).Should().Be(EndpointHealthFlags.FailedOutlierCheck);
        HealthOf(proxy, good.Port).Should().Be(EndpointHealthFlags.None);

        clock.Advance(TimeSpan.FromSeconds(30));
        proxy.Stat(Prefix + "ejections_active").Should().Be(0);
        proxy.Stat("cluster.backend.membership_healthy").Should().Be(2);
        HealthOf(proxy, bad.Port).Should().Be(EndpointHealthFlags.None);
        for (var i = 0; i < 2; i++)
        {
            await RawHttpClient.GetAsync(proxy.Port);
        }

        bad.Requests.Should().HaveCount(4);
    }

    [Theory]
    [InlineData("reset")]
    [InlineData("close")]
    [InlineData("garbage")]
    [InlineData("cut")]
    [InlineData("grpc")]
    public async Task What_becomes_no_good_response_counts(string what)
    {
        await using var bad = ScriptedBackend.Start(what switch
        {
            "reset" => BackendScripts.ResetWithoutAnswer(),
            "close" => BackendScripts.CloseWithoutAnswer(),
            "garbage" => BackendScripts.AnswerRaw("no http\r\n\r\n"),
            "cut" => BackendScripts.CloseMidBody(),
            _ => BackendScripts.Answer(200, "", new RawHeader("grpc-status", "14")),
        });
        await using var proxy = Start(Detection with { MaxEjectionPercent = 100, Consecutive5xx = what == "cut" ? 1 : 3 }, static action => action, TimeProvider.System, bad.Port);
        for (var i = 0; i < 3; i++)
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n");
            await client.ReadToEndAsync();
        }

        await WaitForEjectionAsync(proxy);
        proxy.Stat(Prefix + "ejections_enforced_consecutive_5xx").Should().BePositive();
    }

    [Theory]
    [InlineData(false, "ejections_enforced_consecutive_5xx")]
    [InlineData(true, "ejections_enforced_consecutive_local_origin_failure")]
    public async Task Connections_that_cannot_be_made_count(bool splits, string stat)
    {
        using var dead = DeadPort.Refusing();
        await using var good = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = Start(Detection with { SplitsOrigins = splits, ConsecutiveLocalOriginFailure = 3 }, static action => action, TimeProvider.System, dead.Port, good.Port);
        await GetUntilEjectedAsync(proxy);
        proxy.Stat(Prefix + stat).Should().Be(1);
        proxy.Stat(Prefix + "ejections_enforced_total").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_connect_fail").Should().Be(3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_that_does_not_come_in_time_counts(bool isPerTry)
    {
        await using var bad = ScriptedBackend.Start(BackendScripts.Hang());
        var limit = TimeSpan.FromMilliseconds(20);
        await using var proxy = Start(
            Detection with { MaxEjectionPercent = 100, ConsecutiveGatewayFailure = 2, EnforcingConsecutiveGatewayFailure = 100 },
            action => isPerTry ? action with { RetryPolicy = new RetryPolicy { PerTryTimeout = limit } } : action with { Timeout = limit },
            TimeProvider.System,
            bad.Port);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(504);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(504);
        await WaitForEjectionAsync(proxy);
        proxy.Stat(Prefix + "ejections_enforced_consecutive_gateway_failure").Should().Be(1);
    }

    [Fact]
    public async Task A_client_that_leaves_says_nothing_of_the_backend()
    {
        await using var slow = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = Start(Detection with { MaxEjectionPercent = 100, Consecutive5xx = 1, ConsecutiveGatewayFailure = 1 }, static action => action with { Timeout = TimeSpan.Zero }, TimeProvider.System, slow.Port);
        for (var i = 1; i <= 3; i++)
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            await slow.WaitForRequestsAsync(i);
        }

        await proxy.LogAsync(3);
        proxy.Stat(Prefix + "ejections_detected_consecutive_5xx").Should().Be(0);
        proxy.Stat(Prefix + "ejections_detected_consecutive_gateway_failure").Should().Be(0);
    }

    [Fact]
    public async Task Each_attempt_of_a_retried_request_counts_for_its_endpoint()
    {
        await using var bad = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var good = ScriptedBackend.Start(BackendScripts.Answer(200));
        var policy = new RetryPolicy { RetryOn = RetryOn.ServerError, NumRetries = 5, AvoidsPreviousHosts = true, HostSelectionAttempts = 10, BackOffBase = TimeSpan.FromMilliseconds(1) };
        await using var proxy = Start(Detection, action => action with { RetryPolicy = policy }, TimeProvider.System, bad.Port, good.Port);
        for (var i = 0; i < 6; i++)
        {
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        }

        await WaitForEjectionAsync(proxy);
        HealthOf(proxy, bad.Port).Should().Be(EndpointHealthFlags.FailedOutlierCheck);
    }

    [Fact]
    public async Task An_ejected_endpoint_that_stays_in_an_update_stays_ejected_and_one_that_leaves_is_forgotten()
    {
        var clock = new TimerClock();
        await using var bad = ScriptedBackend.Start(BackendScripts.Answer(500));
        await using var good = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var other = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = Start(Detection, static action => action, clock, bad.Port, good.Port);
        await GetUntilEjectedAsync(proxy);

        Update(proxy, bad.Port, good.Port, other.Port);
        HealthOf(proxy, bad.Port).Should().Be(EndpointHealthFlags.FailedOutlierCheck);
        proxy.Stat(Prefix + "ejections_active").Should().Be(1);

        Update(proxy, good.Port, other.Port);
        proxy.Stat(Prefix + "ejections_active").Should().Be(0);

        Update(proxy, bad.Port, good.Port);
        HealthOf(proxy, bad.Port).Should().Be(EndpointHealthFlags.None);

        static void Update(RunningProxy proxy, params int[] ports) => proxy.Engine.Apply(
            new ConfigurationChange { Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = Cluster(Detection, ports) } }).Should().BeEmpty();
    }

    [Fact]
    public async Task A_cluster_that_goes_takes_its_gauge_along()
    {
        await using var proxy = Start(Detection, static action => action, TimeProvider.System, 1);
        proxy.Stats.Collect().Values.Should().Contain(static stat => stat.Name == Prefix + "ejections_active");
        proxy.Engine.Apply(new ConfigurationChange { Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = null } }).Should().BeEmpty();
        proxy.Stats.Collect().Values.Should().NotContain(static stat => stat.Name == Prefix + "ejections_active");
    }

    [Fact]
    public async Task The_admin_page_shows_what_was_compared()
    {
        var clock = new TimerClock();
        await using var bad = ScriptedBackend.Start(BackendScripts.Answer(500));
        await using var good = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = Start(
            new OutlierDetectionConfig { Consecutive5xx = 0, SuccessRateMinimumHosts = 2, SuccessRateRequestVolume = 2, FailurePercentageRequestVolume = 2, EnforcingSuccessRate = 0 },
            static action => action, clock, bad.Port, good.Port);
        for (var i = 0; i < 4; i++)
        {
            await RawHttpClient.GetAsync(proxy.Port);
        }

        clock.Advance(TimeSpan.FromSeconds(10));
        var view = EngineViews.ClustersOf(proxy.Engine).Single();
        view.Outlier.Should().Be(new OutlierView(50, -45, -1, -1));
        view.Endpoints.Select(static endpoint => (endpoint.SuccessRate, endpoint.LocalOriginSuccessRate)).Should().Equal((0, -1), (100, -1));
    }

    [Fact]
    public async Task A_third_of_the_backends_that_vanishes_costs_a_few_errors_and_then_none()
    {
        var gone = Enumerable.Range(0, 3).Select(static _ => DeadPort.Refusing()).ToArray();
        var there = Enumerable.Range(0, 6).Select(static _ => ScriptedBackend.Start(BackendScripts.Answer(200))).ToArray();
        var ports = gone.Select(static port => port.Port).Concat(there.Select(static backend => backend.Port)).ToArray();
        await using (var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [Cluster(new OutlierDetectionConfig { MaxEjectionPercent = 50 }, ports)], workers: 2))
        {
            await using (var traffic = SteadyTraffic.Start(proxy.Port))
            {
                await Patience.UntilAsync(() => proxy.Stat("cluster.backend.membership_healthy") == 6, "the ejection of all three");
                await traffic.WaitForMoreAsync(10);
                var before = traffic.Records.Count;
                await traffic.WaitForMoreAsync(200);
                traffic.Records.Skip(before).Should().OnlyContain(static record => record.Response != null && record.Response.Status == 200);
            }

            // Five in a row of each, and what was under way while they were judged.
            proxy.Stat("cluster.backend.upstream_rq_503").Should().BeInRange(15, 40);
            proxy.Stat(Prefix + "ejections_active").Should().Be(3);
            await proxy.WaitForNoConnectionsAsync();
        }

        Array.ForEach(gone, static port => port.Dispose());
        await Task.WhenAll(there.Select(static backend => backend.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task Watching_costs_no_heap()
    {
        // Unoptimised builds keep their state machines on the heap: that much a cluster that is not watched has too.
        var plain = await MeasureAsync(null);
        var watched = await MeasureAsync(Detection with { SplitsOrigins = true });
        (watched - plain).Should().BeLessThan(24);
    }

    /// <summary>Bytes that a request of a steady connection puts on the heap of the worker.</summary>
    private static async Task<long> MeasureAsync(OutlierDetectionConfig? detection)
    {
        const int requests = 500;
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { OutlierDetection = detection } }], static http => http with { AccessLogs = [] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        var before = await RunAsync();
        return (await RunAsync() - before) / requests;

        async Task<long> RunAsync()
        {
            for (var i = 0; i < requests; i++)
            {
                await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
                (await client.ReadResponseAsync()).Status.Should().Be(200);
            }

            // The worker is asked, and may be slow to answer.
            long allocated = 0;
            await Patience.UntilAsync(() => (allocated = proxy.Stat("server.worker_heap_allocated_bytes")) > 0, "an answer of the worker");
            return allocated;
        }
    }

    private static ClusterSpecification Cluster(OutlierDetectionConfig detection, params int[] ports)
    {
        var cluster = RunningProxy.Cluster("backend", ports);
        return cluster with { Config = cluster.Config with { OutlierDetection = detection, Balancing = cluster.Config.Balancing with { HealthyPanicThreshold = 0 } } };
    }

    private static RunningProxy Start(OutlierDetectionConfig detection, Func<ForwardAction, ForwardAction> configure, TimeProvider time, params int[] ports) =>
        RunningProxy.Start(RunningProxy.Everything("backend", configure), [Cluster(detection, ports)], time: time);

    private static EndpointHealthFlags HealthOf(RunningProxy proxy, int port) =>
        EngineViews.ClustersOf(proxy.Engine).Single().Endpoints.Single(endpoint => ((System.Net.IPEndPoint)endpoint.Address).Port == port).Health;

    private static Task WaitForEjectionAsync(RunningProxy proxy) => Patience.UntilAsync(() => proxy.Stat("cluster.backend.membership_healthy") == proxy.Stat("cluster.backend.membership_total") - 1, "an ejection");

    /// <summary>Sends what it takes to see three failures of one of two endpoints in turn.</summary>
    private static async Task GetUntilEjectedAsync(RunningProxy proxy)
    {
        for (var i = 0; i < 6; i++)
        {
            await RawHttpClient.GetAsync(proxy.Port);
        }

        await WaitForEjectionAsync(proxy);
    }
}

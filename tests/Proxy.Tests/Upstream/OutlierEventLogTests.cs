using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>The log of ejections (Envoy, <c>data.cluster.v3.OutlierDetectionEvent</c>).</summary>
public sealed class OutlierEventLogTests
{
    [Fact]
    public async Task Each_ejection_and_its_end_is_a_line_of_json()
    {
        var lines = await LogAsync(new OutlierDetectionConfig { MaxEjectionPercent = 100 }, static (hosts, clock) =>
        {
            clock.Advance(TimeSpan.FromSeconds(2));
            WatchedCluster.Answer(hosts[0], 500, 5);
            clock.Advance(TimeSpan.FromSeconds(8));
            clock.Advance(TimeSpan.FromSeconds(10));
            clock.Advance(TimeSpan.FromSeconds(10));
            clock.Advance(TimeSpan.FromSeconds(10));
        });

        lines.Should().Equal(
            """{"type":"CONSECUTIVE_5XX","timestamp":"1970-01-01T00:00:02.000Z","cluster_name":"shop","upstream_url":"127.0.0.1:80","action":"EJECT","num_ejections":1,"enforced":true,"eject_consecutive_event":{}}""",
            """{"type":"CONSECUTIVE_5XX","timestamp":"1970-01-01T00:00:40.000Z","secs_since_last_action":"38","cluster_name":"shop","upstream_url":"127.0.0.1:80","action":"UNEJECT","num_ejections":1,"enforced":false}""");
    }

    [Fact]
    public async Task What_would_have_ejected_is_told_with_its_numbers()
    {
        var config = new OutlierDetectionConfig
        {
            MaxEjectionPercent = 100,
            Consecutive5xx = 0,
            EnforcingSuccessRate = 0,
            SuccessRateRequestVolume = 4,
            FailurePercentageThreshold = 60,
            FailurePercentageRequestVolume = 4,
        };
        var lines = await LogAsync(config, static (hosts, clock) =>
        {
            foreach (var host in hosts)
            {
                WatchedCluster.Answer(host, 200, host == hosts[2] ? 1 : 4);
            }

            WatchedCluster.Answer(hosts[2], 500, 3);
            clock.Advance(TimeSpan.FromSeconds(10));
        });

        // 25 and four times 100: a mean of 85 and a standard deviation of 30.
        lines.Should().Equal(
            """{"type":"SUCCESS_RATE","timestamp":"1970-01-01T00:00:10.000Z","cluster_name":"shop","upstream_url":"127.0.0.1:82","action":"EJECT","num_ejections":0,"enforced":false,"eject_success_rate_event":{"host_success_rate":25,"cluster_average_success_rate":85,"cluster_success_rate_ejection_threshold":28}}""",
            """{"type":"FAILURE_PERCENTAGE","timestamp":"1970-01-01T00:00:10.000Z","cluster_name":"shop","upstream_url":"127.0.0.1:82","action":"EJECT","num_ejections":0,"enforced":false,"eject_failure_percentage_event":{"host_success_rate":25}}""");
    }

    private static async Task<string[]> LogAsync(OutlierDetectionConfig config, Action<HostMonitor[], TimerClock> what)
    {
        using var folder = new TempFolder();
        var path = folder.File("events.log");
        var stats = new StatRegistry();
        var clock = new TimerClock();
        using var writer = new AccessLogWriter(stats);
        var surroundings = new OutlierSurroundings(
            clock, new WorkerRandom(1), static work => work(), static _ => { }, new OutlierEventLog(writer.Open(path), stats.CreatePage(), clock));
        using var detector = new OutlierDetector("shop", config, new OutlierStats(stats, "shop"), surroundings);
        var state = new ClusterState(new ClusterConfig { Name = "shop" }, new ClusterStats(stats, "shop"), WatchedCluster.Workers, clock) { Outlier = detector };
        var endpoints = Enumerable.Range(80, 5).Select(port => new EndpointState(new SocketEndpoint(IPAddress.Loopback, port), state, WatchedCluster.Workers)).ToArray();
        Array.ForEach(endpoints, endpoint => endpoint.Outlier = detector.Watch(endpoint));
        detector.SetHosts(endpoints);
        what([.. endpoints.Select(static endpoint => endpoint.Outlier!)], clock);
        await writer.FlushAsync();
        return await File.ReadAllLinesAsync(path);
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Who is an outlier and for how long (Envoy documentation, "Outlier detection").</summary>
public sealed class OutlierDetectorTests
{
    private static readonly OutlierDetectionConfig Open = new() { MaxEjectionPercent = 100 };

    [Fact]
    public void So_many_5xx_in_a_row_over_all_workers_eject()
    {
        using var cluster = new WatchedCluster(3, Open);
        WatchedCluster.Answer(cluster.Hosts[0], 500, 4);
        cluster.Ejected.Should().BeEmpty();
        WatchedCluster.Answer(cluster.Hosts[0], 501);
        cluster.Ejected.Should().Equal(0);
        cluster.Rebalances.Should().Be(1);
        cluster.Stat("ejections_detected_consecutive_5xx").Should().Be(1);
        cluster.Stat("ejections_enforced_consecutive_5xx").Should().Be(1);
        cluster.Stat("ejections_enforced_total").Should().Be(1);
        cluster.Stat("ejections_active").Should().Be(1);
        cluster.Stat("ejections_total").Should().Be(1);
        cluster.Stat("ejections_consecutive_5xx").Should().Be(1);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(404)]
    [InlineData(600)]
    public void Anything_but_5xx_ends_the_row(int status)
    {
        using var cluster = new WatchedCluster(3, Open);
        WatchedCluster.Answer(cluster.Hosts[0], 503, 4);
        WatchedCluster.Answer(cluster.Hosts[0], status);
        WatchedCluster.Answer(cluster.Hosts[0], 503, 4);
        cluster.Ejected.Should().BeEmpty();
    }

    [Fact]
    public void Gateway_failures_have_a_row_of_their_own_that_another_5xx_ends_and_that_ejects_only_where_asked()
    {
        using var cluster = new WatchedCluster(3, Open with { Consecutive5xx = 0, ConsecutiveGatewayFailure = 3, EnforcingConsecutiveGatewayFailure = 100 });
        WatchedCluster.Answer(cluster.Hosts[0], 502, 2);
        WatchedCluster.Answer(cluster.Hosts[0], 500);
        WatchedCluster.Answer(cluster.Hosts[0], 503, 2);
        cluster.Ejected.Should().BeEmpty();
        WatchedCluster.Answer(cluster.Hosts[0], 504);
        cluster.Ejected.Should().Equal(0);
        cluster.Stat("ejections_enforced_consecutive_gateway_failure").Should().Be(1);

        using var byDefault = new WatchedCluster(3, Open with { Consecutive5xx = 0 });
        WatchedCluster.Answer(byDefault.Hosts[0], 502, 5);
        byDefault.Ejected.Should().BeEmpty();
        byDefault.Stat("ejections_detected_consecutive_gateway_failure").Should().Be(1);
        byDefault.Stat("ejections_enforced_total").Should().Be(0);
    }

    [Fact]
    public void What_is_not_ejected_is_detected_again_after_another_row()
    {
        using var cluster = new WatchedCluster(3, Open with { EnforcingConsecutive5xx = 0 });
        WatchedCluster.Answer(cluster.Hosts[0], 500, 15);
        cluster.Stat("ejections_detected_consecutive_5xx").Should().Be(3);
        cluster.Ejected.Should().BeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Failures_of_our_own_side_count_as_gateway_errors(bool isTimeout)
    {
        using var cluster = new WatchedCluster(3, Open);
        for (var i = 0; i < 5; i++)
        {
            cluster.Hosts[0].Put(LocalOriginResult.ConnectSuccess, 0);
            cluster.Hosts[0].Put(isTimeout ? LocalOriginResult.Timeout : LocalOriginResult.ConnectFailed, 0);
        }

        cluster.Stat("ejections_enforced_consecutive_5xx").Should().Be(1);
        cluster.Stat("ejections_detected_consecutive_gateway_failure").Should().Be(1);
        cluster.Stat("ejections_detected_consecutive_local_origin_failure").Should().Be(0);
    }

    [Fact]
    public void Where_origins_are_split_failures_of_our_own_side_have_a_row_that_a_connection_ends()
    {
        using var cluster = new WatchedCluster(3, Open with { SplitsOrigins = true });
        for (var i = 0; i < 4; i++)
        {
            cluster.Hosts[0].Put(LocalOriginResult.ConnectFailed, i % 2);
        }

        cluster.Hosts[0].Put(LocalOriginResult.ConnectSuccess, 0);
        for (var i = 0; i < 4; i++)
        {
            cluster.Hosts[0].Put(LocalOriginResult.Timeout, i % 2);
        }

        cluster.Ejected.Should().BeEmpty();
        cluster.Hosts[0].Put(LocalOriginResult.ConnectFailed, 0);
        cluster.Ejected.Should().Equal(0);
        cluster.Stat("ejections_enforced_consecutive_local_origin_failure").Should().Be(1);
        cluster.Stat("ejections_detected_consecutive_5xx").Should().Be(0);
    }

    [Theory]
    [InlineData(10, 20, 2)]
    [InlineData(10, 9, 0)]
    [InlineData(20, 10, 2)]
    [InlineData(1, 100, 1)]
    [InlineData(3, 10, 0)]
    public void No_more_than_a_share_is_out_at_a_time(int hosts, int percent, int ejected)
    {
        using var cluster = new WatchedCluster(hosts, new OutlierDetectionConfig { MaxEjectionPercent = percent });
        foreach (var host in cluster.Hosts)
        {
            WatchedCluster.Answer(host, 500, 5);
        }

        cluster.Ejected.Should().HaveCount(ejected);
        cluster.Stat("ejections_overflow").Should().Be(hosts - ejected);
        cluster.Stat("ejections_active").Should().Be(ejected);
    }

    [Fact]
    public void One_may_be_ejected_whatever_the_share()
    {
        using var cluster = new WatchedCluster(3, new OutlierDetectionConfig { MaxEjectionPercent = 0, AlwaysEjectOneHost = true });
        WatchedCluster.Answer(cluster.Hosts[1], 500, 5);
        WatchedCluster.Answer(cluster.Hosts[2], 500, 5);
        cluster.Ejected.Should().Equal(1);
    }

    [Fact]
    public void Only_a_share_of_detections_ejects_where_that_is_asked_for()
    {
        using var cluster = new WatchedCluster(1000, Open with { EnforcingConsecutive5xx = 30 });
        foreach (var host in cluster.Hosts)
        {
            WatchedCluster.Answer(host, 500, 5);
        }

        cluster.Stat("ejections_detected_consecutive_5xx").Should().Be(1000);
        cluster.Ejected.Count().Should().BeInRange(250, 350);
    }

    [Fact]
    public void An_ejection_ends_with_the_first_interval_after_its_time_and_the_next_is_longer()
    {
        using var cluster = new WatchedCluster(2, Open with { BaseEjectionTime = TimeSpan.FromSeconds(30) });
        int IntervalsOut()
        {
            WatchedCluster.Answer(cluster.Hosts[0], 500, 5);
            cluster.Ejected.Should().Equal(0);
            var intervals = 0;
            while (cluster.Ejected.Any())
            {
                cluster.Pass();
                intervals++;
            }

            return intervals;
        }

        IntervalsOut().Should().Be(3);
        IntervalsOut().Should().Be(6);
        IntervalsOut().Should().Be(9);
        cluster.Rebalances.Should().Be(6);
        cluster.Stat("ejections_active").Should().Be(0);
        cluster.Hosts[0].Ejections.Count.Should().Be(3);
    }

    [Fact]
    public void Intervals_in_use_make_the_next_ejection_shorter_again()
    {
        using var cluster = new WatchedCluster(2, Open);
        for (var i = 0; i < 3; i++)
        {
            WatchedCluster.Answer(cluster.Hosts[0], 500, 5);
            cluster.Pass(30);
        }

        // Out for 30 s, then in use for 27 intervals: all forgotten each time.
        cluster.Hosts[0].Ejections.Multiplier.Should().Be(0);
        WatchedCluster.Answer(cluster.Hosts[0], 500, 5);
        cluster.Pass(3);
        cluster.Ejected.Should().BeEmpty();
    }

    [Fact]
    public void An_ejection_grows_no_longer_than_it_may_be_and_gets_a_random_addition()
    {
        var config = Open with { BaseEjectionTime = TimeSpan.FromSeconds(10), MaxEjectionTime = TimeSpan.FromSeconds(20), MaxEjectionTimeJitter = TimeSpan.FromSeconds(40) };
        using var cluster = new WatchedCluster(2, config);
        var lengths = new HashSet<int>();
        for (var round = 0; round < 20; round++)
        {
            WatchedCluster.Answer(cluster.Hosts[0], 500, 5);
            var intervals = 0;
            while (cluster.Ejected.Any())
            {
                cluster.Pass();
                intervals++;
            }

            lengths.Add(intervals);
        }

        lengths.Min().Should().BeInRange(1, 3);
        lengths.Max().Should().BeInRange(4, 6);
        cluster.Hosts[0].Ejections.Multiplier.Should().BeLessThanOrEqualTo(4);
    }

    [Fact]
    public void A_row_that_was_begun_before_does_not_eject_again_after_the_return()
    {
        using var cluster = new WatchedCluster(2, Open with { ConsecutiveGatewayFailure = 7, EnforcingConsecutiveGatewayFailure = 100 });
        WatchedCluster.Answer(cluster.Hosts[0], 503, 6);
        cluster.Pass(3);
        cluster.Ejected.Should().BeEmpty();
        WatchedCluster.Answer(cluster.Hosts[0], 503, 4);
        cluster.Ejected.Should().BeEmpty();
    }

    [Fact]
    public void A_success_rate_far_below_the_average_ejects()
    {
        using var cluster = new WatchedCluster(5, Open with { Consecutive5xx = 0, SuccessRateRequestVolume = 100 });
        foreach (var host in cluster.Hosts[1..])
        {
            WatchedCluster.Answer(host, 200, 100);
        }

        WatchedCluster.Answer(cluster.Hosts[0], 500, 50);
        WatchedCluster.Answer(cluster.Hosts[0], 200, 50);
        cluster.Ejected.Should().BeEmpty("it is judged with the interval");
        cluster.Pass();

        // Envoy's own example: 50 and four times 100 have a mean of 90 and a standard deviation of 20.
        cluster.Detector.External.Should().Be(new SuccessRateThreshold(90, 52));
        cluster.Ejected.Should().Equal(0);
        cluster.Stat("ejections_enforced_success_rate").Should().Be(1);
        cluster.Stat("ejections_success_rate").Should().Be(1);
        cluster.Hosts[0].External.Shown.Should().Be(50);
        cluster.Hosts[1].External.Shown.Should().Be(100);
        cluster.Detector.LocalOrigin.Should().Be(SuccessRateThreshold.Unknown);

        cluster.Pass();
        cluster.Detector.External.Should().Be(SuccessRateThreshold.Unknown, "the next interval counts for itself");
        cluster.Hosts[1].External.Shown.Should().Be(-1);
    }

    [Theory]
    [InlineData(4, 100)]
    [InlineData(5, 99)]
    public void Success_rates_are_compared_only_among_enough_endpoints_with_enough_requests(int hosts, int requests)
    {
        using var cluster = new WatchedCluster(hosts, Open with { Consecutive5xx = 0, EnforcingFailurePercentage = 0 });
        foreach (var host in cluster.Hosts[1..])
        {
            WatchedCluster.Answer(host, 200, 100);
        }

        WatchedCluster.Answer(cluster.Hosts[0], 500, requests);
        cluster.Pass();
        cluster.Ejected.Should().BeEmpty();
        cluster.Detector.External.Average.Should().Be(-1);
    }

    [Theory]
    [InlineData(84, false)]
    [InlineData(85, true)]
    public void A_failure_percentage_ejects_whatever_the_others_do_where_that_is_asked_for(int failures, bool isEjected)
    {
        using var cluster = new WatchedCluster(5, Open with { Consecutive5xx = 0, EnforcingSuccessRate = 0, EnforcingFailurePercentage = 100 });
        foreach (var host in cluster.Hosts)
        {
            WatchedCluster.Answer(host, 500, failures);
            WatchedCluster.Answer(host, 200, 100 - failures);
        }

        cluster.Pass();
        cluster.Ejected.Should().HaveCount(isEjected ? 5 : 0);
        cluster.Stat("ejections_enforced_failure_percentage").Should().Be(isEjected ? 5 : 0);
    }

    [Fact]
    public void A_failure_percentage_only_tells_by_default()
    {
        using var cluster = new WatchedCluster(5, Open with { Consecutive5xx = 0 });
        foreach (var host in cluster.Hosts)
        {
            WatchedCluster.Answer(host, 500, 50);
        }

        cluster.Pass();
        cluster.Ejected.Should().BeEmpty();
        cluster.Stat("ejections_detected_failure_percentage").Should().Be(5);
    }

    [Fact]
    public void Success_rates_of_our_own_side_are_compared_for_themselves()
    {
        using var cluster = new WatchedCluster(5, Open with { SplitsOrigins = true, ConsecutiveLocalOriginFailure = 0 });
        foreach (var host in cluster.Hosts)
        {
            for (var i = 0; i < 100; i++)
            {
                host.Put(host == cluster.Hosts[3] && i % 2 == 0 ? LocalOriginResult.Timeout : LocalOriginResult.ConnectSuccess, i % 2);
            }
        }

        cluster.Pass();
        cluster.Ejected.Should().Equal(3);
        cluster.Stat("ejections_enforced_local_origin_success_rate").Should().Be(1);
        cluster.Hosts[3].LocalOrigin.Shown.Should().Be(50);
        cluster.Hosts[3].External.Shown.Should().Be(-1);
    }

    [Fact]
    public void An_endpoint_that_leaves_while_it_is_out_is_no_longer_counted()
    {
        using var cluster = new WatchedCluster(4, new OutlierDetectionConfig { MaxEjectionPercent = 34 });
        WatchedCluster.Answer(cluster.Hosts[0], 500, 5);
        cluster.Stat("ejections_active").Should().Be(1);
        cluster.SetHosts(cluster.Hosts[1..]);
        cluster.Stat("ejections_active").Should().Be(0);
        WatchedCluster.Answer(cluster.Hosts[0], 500, 5);
        cluster.Stat("ejections_detected_consecutive_5xx").Should().Be(1, "what still runs there is nobody's concern");
        WatchedCluster.Answer(cluster.Hosts[1], 500, 5);
        cluster.Ejected.Should().Contain(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_health_check_that_succeeds_ends_an_ejection_where_it_may(bool mayUneject)
    {
        using var cluster = new WatchedCluster(2, Open with { HealthCheckUnejects = mayUneject });
        WatchedCluster.Answer(cluster.Hosts[0], 500, 5);
        cluster.Hosts[0].NoteHealthy();
        cluster.Ejected.Any().Should().Be(!mayUneject);
        cluster.Stat("ejections_active").Should().Be(mayUneject ? 0 : 1);
    }

    [Fact]
    public void A_success_allocates_nothing_and_a_failure_neither()
    {
        using var cluster = new WatchedCluster(2, Open with { Consecutive5xx = 0, ConsecutiveGatewayFailure = 0 });
        var host = cluster.Hosts[0];
        WatchedCluster.Answer(host, 200);
        WatchedCluster.Answer(host, 503);
        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                host.Put(LocalOriginResult.ConnectSuccess, 0);
                host.PutStatus(i % 10 == 0 ? 503 : 200, 0);
            }
        }).Should().Be(0);
    }

    [Fact]
    public async Task Workers_that_report_at_once_lose_nothing_and_eject_once()
    {
        using var cluster = new WatchedCluster(2, Open with { Consecutive5xx = 50_000, SuccessRateRequestVolume = 1, SuccessRateMinimumHosts = 1 });
        var host = cluster.Hosts[0];
        await Task.WhenAll(Enumerable.Range(0, WatchedCluster.Workers).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 25_000; i++)
            {
                host.PutStatus(500, worker);
            }
        })));
        cluster.Stat("ejections_enforced_consecutive_5xx").Should().Be(1);
        host.EndInterval();
        host.External.Volume.Should().Be(50_000);
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream.HealthChecking;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>When the next check is: the example of Envoy's code for every interval, and its jitter.</summary>
public sealed class HealthCheckScheduleTests
{
    private static readonly HealthCheckConfig Config = new()
    {
        Probe = new TcpHealthCheck(),
        Timeout = TimeSpan.FromSeconds(1),
        Interval = TimeSpan.FromMilliseconds(1000),
        UnhealthyThreshold = 3,
        HealthyThreshold = 3,
        UnhealthyInterval = TimeSpan.FromMilliseconds(2000),
        UnhealthyEdgeInterval = TimeSpan.FromMilliseconds(300),
        HealthyEdgeInterval = TimeSpan.FromMilliseconds(400),
        NoTrafficInterval = TimeSpan.FromMilliseconds(5000),
        NoTrafficHealthyInterval = TimeSpan.FromMilliseconds(6000),
    };

    [Theory]
    [InlineData(true, HealthTransition.Unchanged, 1000)]
    [InlineData(true, HealthTransition.Changed, 1000)]
    [InlineData(true, HealthTransition.ChangePending, 400)]
    [InlineData(false, HealthTransition.Unchanged, 2000)]
    [InlineData(false, HealthTransition.Changed, 2000)]
    [InlineData(false, HealthTransition.ChangePending, 300)]
    public void With_traffic_the_interval_follows_the_last_result(bool isSuccess, object transition, long expected) =>
        new HealthCheckSchedule(Config, Never).NextMs(isSuccess, (HealthTransition)transition, hasTraffic: true).Should().Be(expected);

    [Theory]
    [InlineData(true, HealthTransition.Unchanged, 6000)]
    [InlineData(true, HealthTransition.ChangePending, 5000)]
    [InlineData(false, HealthTransition.Unchanged, 5000)]
    [InlineData(false, HealthTransition.ChangePending, 5000)]
    public void Without_traffic_its_own_intervals_hold_before_all_others(bool isSuccess, object transition, long expected) =>
        new HealthCheckSchedule(Config, Never).NextMs(isSuccess, (HealthTransition)transition, hasTraffic: false).Should().Be(expected);

    [Fact]
    public void What_is_not_set_follows_what_is()
    {
        var plain = Config with { UnhealthyInterval = null, UnhealthyEdgeInterval = null, HealthyEdgeInterval = null, NoTrafficHealthyInterval = null };
        var schedule = new HealthCheckSchedule(plain, Never);

        foreach (var isSuccess in (bool[])[true, false])
        {
            foreach (var transition in Enum.GetValues<HealthTransition>())
            {
                schedule.NextMs(isSuccess, transition, hasTraffic: true).Should().Be(1000);
                schedule.NextMs(isSuccess, transition, hasTraffic: false).Should().Be(5000);
            }
        }

        new HealthCheckSchedule(plain with { UnhealthyInterval = TimeSpan.FromMilliseconds(70) }, Never)
            .NextMs(isSuccess: false, HealthTransition.ChangePending, hasTraffic: true).Should().Be(70, "the edge interval is that of unhealthy endpoints by default");
        (plain with { NoTrafficInterval = new HealthCheckConfig { Probe = plain.Probe, Timeout = plain.Timeout, Interval = plain.Interval, UnhealthyThreshold = 1, HealthyThreshold = 1 }.NoTrafficInterval })
            .NoTrafficInterval.Should().Be(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Both_jitters_add_a_random_part_of_their_size()
    {
        var jittered = Config with { IntervalJitter = TimeSpan.FromMilliseconds(100), IntervalJitterPercent = 20 };
        var random = new Queue<ulong>([0, 0, 199, 99, 200, 100]);
        var schedule = new HealthCheckSchedule(jittered, random.Dequeue);

        Next().Should().Be(1000);
        Next().Should().Be(1000 + 199 + 99);
        Next().Should().Be(1000, "neither bound is reached");

        long Next() => schedule.NextMs(isSuccess: true, HealthTransition.Unchanged, hasTraffic: true);
    }

    [Fact]
    public void The_first_check_waits_for_a_part_of_the_initial_jitter_and_else_for_nothing()
    {
        new HealthCheckSchedule(Config, Never).FirstMs().Should().Be(0);
        var random = new Queue<ulong>([0, 4999, 5000]);
        var schedule = new HealthCheckSchedule(Config with { InitialJitter = TimeSpan.FromSeconds(5) }, random.Dequeue);

        schedule.FirstMs().Should().Be(1);
        schedule.FirstMs().Should().Be(4999);
        schedule.FirstMs().Should().Be(1);
    }

    [Fact]
    public void A_wait_is_never_nothing() =>
        new HealthCheckSchedule(Config with { Interval = TimeSpan.FromTicks(1) }, Never).NextMs(isSuccess: true, HealthTransition.Unchanged, hasTraffic: true).Should().Be(1);

    private static ulong Never() => throw new InvalidOperationException("nothing is random here");
}

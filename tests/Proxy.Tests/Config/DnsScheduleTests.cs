using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>When a name is resolved again (Envoy's cluster.proto).</summary>
public sealed class DnsScheduleTests
{
    private static readonly DnsBackOff BackOff = new(Seconds(1), Seconds(5));

    [Fact]
    public void An_answer_holds_for_the_refresh_interval()
    {
        var schedule = new DnsSchedule(new DnsSettings(), static () => 0.5);
        schedule.AfterAnswer(Seconds(60)).Should().Be(Seconds(5));
        schedule.AfterFailure().Should().Be(Seconds(5), "without an interval of their own, failures have that one");
    }

    [Fact]
    public void An_answer_may_hold_for_its_own_time()
    {
        var schedule = new DnsSchedule(new DnsSettings { RespectTtl = true }, static () => 0.5);
        schedule.AfterAnswer(Seconds(60)).Should().Be(Seconds(60));
        schedule.AfterAnswer(Seconds(0)).Should().Be(Seconds(5), "it does not say");
    }

    [Fact]
    public void Jitter_makes_the_next_query_later_after_an_answer()
    {
        var schedule = new DnsSchedule(new DnsSettings { Jitter = Seconds(2), Failure = BackOff }, static () => 0.5);
        schedule.AfterAnswer(Seconds(60)).Should().Be(Seconds(6));
        schedule.AfterFailure().Should().Be(Seconds(0.5));
    }

    [Fact]
    public void The_wait_after_failures_doubles_up_to_its_bound_and_begins_anew_after_an_answer()
    {
        var schedule = new DnsSchedule(new DnsSettings { Failure = BackOff }, static () => 0.999999);
        Waits(5).Should().Equal(1, 2, 4, 5, 5);
        schedule.AfterAnswer(Seconds(60));
        Waits(2).Should().Equal(1, 2);

        int[] Waits(int count) => [.. Enumerable.Range(0, count).Select(_ => (int)Math.Round(schedule.AfterFailure().TotalSeconds))];
    }

    [Fact]
    public void A_failure_is_never_followed_at_once() =>
        new DnsSchedule(new DnsSettings { Failure = BackOff }, static () => 0).AfterFailure().Should().Be(TimeSpan.FromMilliseconds(1));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}

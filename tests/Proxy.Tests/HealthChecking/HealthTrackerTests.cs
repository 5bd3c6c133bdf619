using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.HealthChecking;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>What results make of an endpoint: Envoy's documentation of health checking and of config.core.v3.HealthCheck.</summary>
public sealed class HealthTrackerTests
{
    private readonly HostHealth _health = new();

    private bool HasFailed => _health.Flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck);

    [Fact]
    public void The_very_first_success_makes_a_new_endpoint_healthy_whatever_the_threshold()
    {
        var tracker = New(healthyThreshold: 5);

        tracker.Succeed(isDegraded: false).Should().Be(HealthTransition.Changed);

        _health.Flags.Should().Be(HostHealthFlags.None);
    }

    [Fact]
    public void After_a_failure_it_takes_the_whole_healthy_threshold()
    {
        var tracker = New(healthyThreshold: 3);
        tracker.Fail(HealthCheckFailure.Network, isRetriable: false).Should().Be(HealthTransition.Unchanged, "it had failed already");

        tracker.Succeed(isDegraded: false).Should().Be(HealthTransition.ChangePending);
        tracker.Succeed(isDegraded: false).Should().Be(HealthTransition.ChangePending);
        HasFailed.Should().BeTrue();
        tracker.Succeed(isDegraded: false).Should().Be(HealthTransition.Changed);
        HasFailed.Should().BeFalse();
        tracker.Succeed(isDegraded: false).Should().Be(HealthTransition.Unchanged);
    }

    [Fact]
    public void Successes_have_to_come_in_a_row()
    {
        var tracker = New(healthyThreshold: 2);
        for (var i = 0; i < 10; i++)
        {
            tracker.Fail(HealthCheckFailure.Network, isRetriable: false);
            tracker.Succeed(isDegraded: false);
            HasFailed.Should().BeTrue();
        }
    }

    [Theory]
    [InlineData(HealthCheckFailure.Network, false)]
    [InlineData(HealthCheckFailure.NetworkTimeout, false)]
    [InlineData(HealthCheckFailure.Active, true)]
    public void What_is_no_clear_answer_counts_towards_the_unhealthy_threshold(object failure, bool isRetriable)
    {
        var tracker = New(unhealthyThreshold: 3);
        tracker.Succeed(isDegraded: false);
        for (var i = 0; i < 10; i++)
        {
            tracker.Fail((HealthCheckFailure)failure, isRetriable).Should().Be(HealthTransition.ChangePending);
            tracker.Fail((HealthCheckFailure)failure, isRetriable).Should().Be(HealthTransition.ChangePending);
            tracker.Succeed(isDegraded: false).Should().Be(HealthTransition.Unchanged, "flapping just below the threshold is no failure");
            HasFailed.Should().BeFalse();
        }

        tracker.Fail((HealthCheckFailure)failure, isRetriable);
        tracker.Fail((HealthCheckFailure)failure, isRetriable);
        tracker.Fail((HealthCheckFailure)failure, isRetriable).Should().Be(HealthTransition.Changed);
        HasFailed.Should().BeTrue();
    }

    [Theory]
    [InlineData(HealthCheckFailure.Active)]
    [InlineData(HealthCheckFailure.Passive)]
    public void A_wrong_answer_is_a_failure_at_once(object failure)
    {
        var tracker = New(unhealthyThreshold: 3);
        tracker.Succeed(isDegraded: false);

        tracker.Fail((HealthCheckFailure)failure, isRetriable: false).Should().Be(HealthTransition.Changed);

        HasFailed.Should().BeTrue();
    }

    [Fact]
    public void A_timeout_shows_while_it_is_the_reason()
    {
        var tracker = New(unhealthyThreshold: 2);
        tracker.Succeed(isDegraded: false);
        tracker.Fail(HealthCheckFailure.NetworkTimeout, isRetriable: false);
        _health.Flags.Should().Be(HostHealthFlags.None, "it has not failed yet");

        tracker.Fail(HealthCheckFailure.NetworkTimeout, isRetriable: false);
        _health.Flags.Should().Be(HostHealthFlags.FailedActiveHealthCheck | HostHealthFlags.ActiveHealthCheckTimeout);

        tracker.Fail(HealthCheckFailure.Network, isRetriable: false);
        _health.Flags.Should().Be(HostHealthFlags.FailedActiveHealthCheck);
    }

    [Fact]
    public void A_pending_endpoint_is_no_longer_pending_after_its_first_result_whatever_it_is()
    {
        _health.Set(HostHealthFlags.PendingActiveHealthCheck);
        var tracker = New();

        tracker.Fail(HealthCheckFailure.Network, isRetriable: false).Should().Be(HealthTransition.Changed);

        _health.Flags.Should().Be(HostHealthFlags.FailedActiveHealthCheck);
    }

    [Fact]
    public void Degraded_comes_and_goes_with_each_answer_and_has_no_threshold()
    {
        var tracker = New(healthyThreshold: 3);
        tracker.Succeed(isDegraded: true).Should().Be(HealthTransition.Changed);
        _health.Flags.Should().Be(HostHealthFlags.DegradedActiveHealthCheck);
        tracker.Succeed(isDegraded: true).Should().Be(HealthTransition.Unchanged);
        tracker.Succeed(isDegraded: false).Should().Be(HealthTransition.Changed);
        _health.Flags.Should().Be(HostHealthFlags.None);
    }

    [Fact]
    public void Being_left_out_ends_when_the_checks_pass_again()
    {
        var tracker = New(healthyThreshold: 2);
        tracker.Succeed(isDegraded: false);
        _health.Set(HostHealthFlags.ExcludedViaImmediateHealthCheckFail);
        tracker.Fail(HealthCheckFailure.Passive, isRetriable: false);

        tracker.Succeed(isDegraded: false);
        _health.Flags.Should().HaveFlag(HostHealthFlags.ExcludedViaImmediateHealthCheckFail);
        tracker.Succeed(isDegraded: false);
        _health.Flags.Should().Be(HostHealthFlags.None);
    }

    /// <summary>A tracker of an endpoint that is new, and so has failed.</summary>
    private HealthTracker New(int unhealthyThreshold = 2, int healthyThreshold = 2)
    {
        _health.Set(HostHealthFlags.FailedActiveHealthCheck);
        return new HealthTracker(_health, unhealthyThreshold, healthyThreshold);
    }
}

using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Sources;

namespace KubeProxyNet.ControlPlane.Tests;

public sealed class ChangeSignalTests
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Maximum = TimeSpan.FromMilliseconds(500);

    private readonly ManualClock _clock = new();
    private readonly ChangeSignal _signal;

    public ChangeSignalTests() => _signal = new ChangeSignal(_clock);

    [Fact]
    public async Task Signals_that_nobody_waited_for_count_as_one()
    {
        _signal.Raise();
        _signal.Raise();

        (await _signal.WaitAsync(Timeout.InfiniteTimeSpan, Token)).Should().BeTrue();
        var second = _signal.WaitAsync(Quiet, Token);
        await _clock.NextWaitAsync(Token);
        _clock.Advance(Quiet);
        (await second).Should().BeFalse();
    }

    [Fact]
    public async Task A_wait_that_ran_out_does_not_swallow_the_next_signal()
    {
        var first = _signal.WaitAsync(Quiet, Token);
        await _clock.NextWaitAsync(Token);
        _clock.Advance(Quiet);
        (await first).Should().BeFalse();

        _signal.Raise();

        (await _signal.WaitAsync(Timeout.InfiniteTimeSpan, Token)).Should().BeTrue();
    }

    [Fact]
    public async Task Settling_ends_when_nothing_came_for_the_quiet_time()
    {
        var settled = _signal.SettleAsync(Quiet, Maximum, Token);
        await _clock.NextWaitAsync(Token);
        _clock.Advance(TimeSpan.FromMilliseconds(40));
        _signal.Raise();
        await _clock.NextWaitAsync(Token);
        _clock.Advance(TimeSpan.FromMilliseconds(40));
        settled.IsCompleted.Should().BeFalse("only 40 ms were quiet");

        _clock.Advance(TimeSpan.FromMilliseconds(10));

        await settled;
    }

    [Fact]
    public async Task Settling_ends_at_the_maximum_although_signals_go_on()
    {
        var settled = _signal.SettleAsync(Quiet, Maximum, Token);
        for (var elapsed = 0; elapsed < 480; elapsed += 40)
        {
            await _clock.NextWaitAsync(Token);
            _clock.Advance(TimeSpan.FromMilliseconds(40));
            _signal.Raise();
        }

        (await _clock.NextWaitAsync(Token)).Should().Be(TimeSpan.FromMilliseconds(20), "that is what is left of the maximum");
        settled.IsCompleted.Should().BeFalse();
        _clock.Advance(TimeSpan.FromMilliseconds(20));

        await settled;
    }

    [Fact]
    public async Task A_wait_ends_when_it_is_cancelled()
    {
        using var stop = new CancellationTokenSource();
        var wait = _signal.WaitAsync(Timeout.InfiniteTimeSpan, stop.Token);
        await stop.CancelAsync();

        await wait.Awaiting(task => task).Should().ThrowAsync<OperationCanceledException>();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>Deadlines on a clock that the test moves.</summary>
public sealed class TimerWheelTests
{
    private const long Start = 1_000;
    private const long Horizon = TimerWheel.SlotCount * TimerWheel.TickMs;

    private readonly TimerWheel _wheel = new(Start);
    private long _now = Start;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(15)]
    [InlineData(1_000)]
    [InlineData(Horizon - 10)]
    [InlineData(Horizon)]
    [InlineData(Horizon + 10)]
    [InlineData(3_600_000)]
    public void A_timer_fires_once_and_within_a_tick_of_its_deadline(long delay)
    {
        var owner = new Owner();
        var timer = new DeadlineTimer(owner);
        _wheel.Set(timer, Start + delay);

        while (owner.Fired == 0)
        {
            var wait = _wheel.NextTimeoutMs(_now);
            wait.Should().BeGreaterThanOrEqualTo(0);
            Advance(Math.Max(wait, 1));
        }

        _now.Should().BeInRange(Start + delay, Start + delay + (2 * TimerWheel.TickMs));
        timer.DeadlineMs.Should().Be(DeadlineTimer.Never);
        Advance(2 * Horizon);
        owner.Fired.Should().Be(1);
        _wheel.Count.Should().Be(0);
        _wheel.NextTimeoutMs(_now).Should().Be(-1);
    }

    [Fact]
    public void Moved_later_it_does_not_fire_at_the_old_deadline()
    {
        var owner = new Owner();
        var timer = new DeadlineTimer(owner);
        _wheel.Set(timer, Start + 100);
        _wheel.Set(timer, Start + 500);

        Advance(400);
        owner.Fired.Should().Be(0);
        Advance(110);
        owner.Fired.Should().Be(1);
    }

    [Fact]
    public void Moved_earlier_it_fires_at_the_new_deadline()
    {
        var owner = new Owner();
        var timer = new DeadlineTimer(owner);
        _wheel.Set(timer, Start + 100_000);
        _wheel.Set(timer, Start + 100);

        Advance(110);

        owner.Fired.Should().Be(1);
        _wheel.Count.Should().Be(0);
    }

    [Fact]
    public void Cleared_it_does_not_fire_and_may_be_set_again()
    {
        var owner = new Owner();
        var timer = new DeadlineTimer(owner);
        _wheel.Set(timer, Start + 100);
        _wheel.Clear(timer);
        Advance(200);
        owner.Fired.Should().Be(0);

        _wheel.Set(timer, _now + 50);
        _wheel.Clear(timer);
        _wheel.Set(timer, _now + 30);
        Advance(50);
        owner.Fired.Should().Be(1);
    }

    [Fact]
    public void Removed_timers_leave_at_once_wherever_they_stand_in_their_slot()
    {
        for (var removed = 0; removed < 3; removed++)
        {
            var owner = new Owner();
            var timers = Enumerable.Range(0, 3).Select(_ => new DeadlineTimer(owner)).ToArray();
            foreach (var timer in timers)
            {
                _wheel.Set(timer, _now + 100);
            }

            _wheel.Remove(timers[removed]);
            _wheel.Remove(timers[removed]);

            _wheel.Count.Should().Be(2);
            Advance(120);
            owner.Fired.Should().Be(2);
        }
    }

    [Theory]
    [InlineData(Horizon - 10)]
    [InlineData(Horizon)]
    [InlineData(10 * Horizon)]
    public void After_a_stall_everything_that_is_due_fires_and_nothing_else(long stall)
    {
        var due = new Owner();
        var later = new Owner();
        for (var delay = 10; delay <= Horizon - 20; delay += 130)
        {
            _wheel.Set(new DeadlineTimer(due), Start + delay);
        }

        var count = _wheel.Count;
        _wheel.Set(new DeadlineTimer(later), Start + stall + 1_000);

        Advance(stall);
        due.Fired.Should().Be(count);
        later.Fired.Should().Be(0);
        Advance(1_010);
        later.Fired.Should().Be(1);
    }

    [Fact]
    public void An_owner_may_set_and_remove_timers_while_one_fires()
    {
        var other = new Owner();
        var victim = new DeadlineTimer(other);
        var chained = new DeadlineTimer(other);
        var first = new DeadlineTimer(new Owner { OnFire = () => { _wheel.Remove(victim); _wheel.Set(chained, _now); } });
        _wheel.Set(victim, Start + 100);
        _wheel.Set(first, Start + 100);

        Advance(200);

        other.Fired.Should().Be(1, "the chained one fires, the removed one does not");
    }

    [Fact]
    public void Random_timers_fire_in_time_and_as_often_as_they_were_set()
    {
        var random = new Random(1);
        var timers = Enumerable.Range(0, 200).Select(_ => new Owner()).Select(owner => (Owner: owner, Timer: new DeadlineTimer(owner))).ToArray();
        for (var step = 0; step < 20_000; step++)
        {
            var (owner, timer) = timers[random.Next(timers.Length)];
            switch (random.Next(4))
            {
                case 0:
                    _wheel.Clear(timer);
                    break;
                case 1:
                    _wheel.Remove(timer);
                    timer.DeadlineMs = DeadlineTimer.Never;
                    break;
                default:
                    _wheel.Set(timer, _now + random.Next(random.Next(1, 100_000)));
                    break;
            }

            Advance(random.Next(random.Next(1, 300)));
            foreach (var other in timers)
            {
                if (other.Timer.DeadlineMs < _now - TimerWheel.TickMs)
                {
                    Assert.Fail($"a timer due at {other.Timer.DeadlineMs} has not fired at {_now}");
                }
            }
        }
    }

    private void Advance(long by)
    {
        _now += by;
        _wheel.Advance(_now);
    }

    private sealed class Owner : ITimerOwner
    {
        public int Fired { get; private set; }

        public Action? OnFire { get; init; }

        public void OnDeadline(DeadlineTimer timer)
        {
            Fired++;
            OnFire?.Invoke();
        }
    }
}

using System.Numerics;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>What a timer belongs to.</summary>
internal interface ITimerOwner
{
    /// <summary>Called on the worker when the deadline has passed. The timer is no longer armed.</summary>
    void OnDeadline(DeadlineTimer timer);
}

/// <summary>
/// One deadline, re-armed at will. Moving it later writes a field; only an earlier deadline moves it in the wheel.
/// </summary>
internal sealed class DeadlineTimer(ITimerOwner owner)
{
    /// <summary>Value of <see cref="DeadlineMs"/> while not armed.</summary>
    public const long Never = long.MaxValue;

    internal DeadlineTimer? Next;
    internal DeadlineTimer? Previous;
    internal long ScheduledTick = Never;
    internal int Slot = -1;

    /// <summary>When it is due, on the worker's clock in milliseconds; <see cref="Never"/> while not armed.</summary>
    public long DeadlineMs { get; internal set; } = Never;

    internal ITimerOwner Owner { get; } = owner;
}

/// <summary>
/// A wheel of <see cref="SlotCount"/> slots of <see cref="TickMs"/> milliseconds. A timer beyond the horizon waits in the last slot and moves on
/// when that comes round, and so does one whose deadline was moved later. One worker owns it.
/// </summary>
internal sealed class TimerWheel
{
    public const int TickMs = 10;
    public const int SlotCount = 4096;

    private readonly DeadlineTimer?[] _slots = new DeadlineTimer?[SlotCount];
    private readonly ulong[] _occupied = new ulong[SlotCount / 64];
    private long _tick;

    public TimerWheel(long nowMs) => _tick = nowMs / TickMs;

    /// <summary>Timers in the wheel; a bound for tests.</summary>
    public int Count { get; private set; }

    /// <summary>Arms the timer, or moves it.</summary>
    public void Set(DeadlineTimer timer, long deadlineMs)
    {
        timer.DeadlineMs = deadlineMs;
        var tick = (deadlineMs + TickMs - 1) / TickMs;
        if (timer.Slot >= 0 && tick >= timer.ScheduledTick)
        {
            return;
        }

        Remove(timer);
        Insert(timer, tick);
    }

    /// <summary>Disarms the timer; it leaves the wheel when its slot comes round.</summary>
    public void Clear(DeadlineTimer timer) => timer.DeadlineMs = DeadlineTimer.Never;

    /// <summary>Takes the timer out at once, for an owner that goes away.</summary>
    public void Remove(DeadlineTimer timer)
    {
        if (timer.Slot < 0)
        {
            return;
        }

        if (timer.Previous is null)
        {
            _slots[timer.Slot] = timer.Next;
            if (timer.Next is null)
            {
                _occupied[timer.Slot >> 6] &= ~(1UL << (timer.Slot & 63));
            }
        }
        else
        {
            timer.Previous.Next = timer.Next;
        }

        if (timer.Next is not null)
        {
            timer.Next.Previous = timer.Previous;
        }

        timer.Next = timer.Previous = null;
        timer.Slot = -1;
        timer.ScheduledTick = DeadlineTimer.Never;
        Count--;
    }

    /// <summary>Milliseconds until the next slot with a timer in it, 0 where one is overdue, -1 where the wheel is empty.</summary>
    public int NextTimeoutMs(long nowMs)
    {
        if (Count == 0)
        {
            return -1;
        }

        var start = (int)((_tick + 1) % SlotCount);
        for (var i = 0; i <= _occupied.Length; i++)
        {
            var word = ((start >> 6) + i) % _occupied.Length;
            var bits = _occupied[word];
            if (i == 0)
            {
                bits &= ulong.MaxValue << (start & 63);
            }

            if (bits != 0)
            {
                var slot = (word << 6) + BitOperations.TrailingZeroCount(bits);
                var distance = (slot - start + SlotCount) % SlotCount;
                return (int)Math.Max(0, ((_tick + 1 + distance) * TickMs) - nowMs);
            }
        }

        return -1;
    }

    /// <summary>Runs every timer that is due.</summary>
    public void Advance(long nowMs)
    {
        var target = nowMs / TickMs;
        if (target - _tick > SlotCount)
        {
            // A long stall: one full round visits every slot; more would only repeat it.
            _tick = target - SlotCount;
        }

        while (_tick < target)
        {
            _tick++;
            ExpireSlot((int)(_tick % SlotCount), nowMs);
        }
    }

    private void ExpireSlot(int slot, long nowMs)
    {
        while (_slots[slot] is { } timer && timer.ScheduledTick <= _tick)
        {
            Remove(timer);
            var deadline = timer.DeadlineMs;
            if (deadline == DeadlineTimer.Never)
            {
                continue;
            }

            if (deadline > nowMs)
            {
                Insert(timer, (deadline + TickMs - 1) / TickMs);
                continue;
            }

            timer.DeadlineMs = DeadlineTimer.Never;
            timer.Owner.OnDeadline(timer);
        }
    }

    private void Insert(DeadlineTimer timer, long tick)
    {
        tick = Math.Clamp(tick, _tick + 1, _tick + SlotCount - 1);
        var slot = (int)(tick % SlotCount);
        timer.Slot = slot;
        timer.ScheduledTick = tick;
        timer.Previous = null;
        timer.Next = _slots[slot];
        if (timer.Next is not null)
        {
            timer.Next.Previous = timer;
        }

        _slots[slot] = timer;
        _occupied[slot >> 6] |= 1UL << (slot & 63);
        Count++;
    }
}

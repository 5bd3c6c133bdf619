using System.Numerics;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Turns of many, earliest first, at a cost that does not grow with their number. As in the timer wheel of
/// Linux (Gleixner, 2016), later turns lie in coarser slots and are never moved to finer ones: a turn comes early by less than a slot, which is about an eighth of
/// the time that it was put off by at most, and the next one is counted from when it was due. So shares are exact in the long run, and over any time an index has its
/// share of turns to within <see cref="Slack"/>. Never grows.
/// </summary>
internal sealed class TurnWheel : ITurns
{
    /// <summary>The shortest interval. Virtual time wraps, which no comparison minds.</summary>
    public const ulong Unit = 1UL << 24;

    /// <summary>How many turns an index may be ahead of its share or behind it.</summary>
    public const double Slack = 1.2;

    /// <summary>Most levels, of which a pick looks at those that are not empty.</summary>
    public const int MaxLevels = 13;

    private const int SlotBits = 6;
    private const int Slots = 1 << SlotBits;
    private const int LevelBits = 3;
    private const int None = -1;

    // The finest slots are an eighth of the shortest interval.
    private const int FinestBits = 24 - LevelBits;

    private readonly Turn[] _turns;

    // Of each slot the last index in a ring, whose next one is the first; and of each level the slots that are not empty.
    private readonly int[] _last;
    private readonly ulong[] _filled;
    private uint _filledLevels;
    private ulong _now;

    /// <summary>A wheel with so many indexes, whose first turns are due somewhere in their first interval.</summary>
    /// <param name="intervals">The first interval of each, at least <see cref="Unit"/>.</param>
    /// <param name="longest">The longest interval that will be asked for; longer ones are cut to <see cref="Longest"/>, which is at least that, as far as the wheel can reach.</param>
    /// <param name="random">Spreads the first turns, so that workers and proxies that begin at once do not march in step.</param>
    public TurnWheel(ReadOnlySpan<ulong> intervals, ulong longest, Func<ulong> random)
    {
        var levels = Math.Min(LevelOf(2 * Math.Clamp(longest, Unit, 1UL << 61)) + 1, MaxLevels);
        Longest = Reach(levels - 1) / 2;
        _filled = new ulong[levels];
        _last = new int[levels * Slots];
        Array.Fill(_last, None);
        _turns = new Turn[intervals.Length];
        for (var i = 0; i < intervals.Length; i++)
        {
            var interval = Math.Min(intervals[i], Longest);
            _turns[i].Due = ITurns.FirstOf(interval, random());
            Insert(i);
        }
    }

    /// <summary>The longest interval. A turn that came early may be put off by more, hence the room above.</summary>
    public ulong Longest { get; }

    /// <summary>The levels that are not empty, which is what <see cref="Take"/> looks at.</summary>
    public int FilledLevels => BitOperations.PopCount(_filledLevels);

    /// <summary>Takes out the index whose turn is next. At least one has to be in.</summary>
    public int Take()
    {
        var (level, start, nearest) = (0, _now, ulong.MaxValue);
        for (var levels = _filledLevels; levels != 0; levels &= levels - 1)
        {
            // The first slot that is not empty, from where this level is now; no turn lies a whole round ahead.
            var candidate = BitOperations.TrailingZeroCount(levels);
            var shift = FinestBits + (LevelBits * candidate);
            var place = _now >> shift;
            var ahead = (ulong)BitOperations.TrailingZeroCount(BitOperations.RotateRight(_filled[candidate], (int)(place & (Slots - 1))));
            var distance = ahead == 0 ? 0 : ((place + ahead) << shift) - _now;
            if (distance < nearest)
            {
                (level, start, nearest) = (candidate, _now + distance, distance);
            }
        }

        _now = start;
        return RemoveFirst(level, (int)(start >> (FinestBits + (LevelBits * level))) & (Slots - 1));
    }

    /// <summary>Puts back an index that was taken out, for that long after its turn was due.</summary>
    public void Put(int index, ulong interval)
    {
        _turns[index].Due += Math.Clamp(interval, Unit, Longest);
        Insert(index);
    }

    private int RemoveFirst(int level, int slot)
    {
        ref var last = ref _last[(level << SlotBits) + slot];
        var first = _turns[last].Next;
        if (first != last)
        {
            _turns[last].Next = _turns[first].Next;
            return first;
        }

        last = None;
        _filled[level] &= ~(1UL << slot);
        if (_filled[level] == 0)
        {
            _filledLevels &= ~(1U << level);
        }

        return first;
    }

    private void Insert(int index)
    {
        ref var turn = ref _turns[index];
        var level = LevelOf(turn.Due - _now);
        var slot = (int)(turn.Due >> (FinestBits + (LevelBits * level))) & (Slots - 1);
        ref var last = ref _last[(level << SlotBits) + slot];
        if (last == None)
        {
            turn.Next = index;
            _filled[level] |= 1UL << slot;
            _filledLevels |= 1U << level;
        }
        else
        {
            turn.Next = _turns[last].Next;
            _turns[last].Next = index;
        }

        last = index;
    }

    /// <summary>The finest level that reaches so far.</summary>
    private static int LevelOf(ulong distance)
    {
        var level = Math.Max(0, (BitOperations.Log2(distance | 1) - FinestBits - SlotBits + LevelBits) / LevelBits);
        return distance < Reach(level) ? level : level + 1;
    }

    /// <summary>What lies nearer than that has a slot of its own; the one that is begun counts too.</summary>
    private static ulong Reach(int level) => (ulong)(Slots - 1) << (FinestBits + (LevelBits * level));

    private struct Turn
    {
        public ulong Due;
        public int Next;
    }
}

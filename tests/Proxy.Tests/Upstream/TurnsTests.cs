using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Whose turn it is in a round of any weights: shares, order, and what a turn costs.</summary>
public sealed class TurnsTests
{
    private static readonly Gen<int[]> Weights = Gen.OneOf(Gen.Int[1, 1_000_000], Gen.Int[1, 10], Gen.Int[999_990, 1_000_000]).Array[1, 128];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Everybody_has_its_share_of_the_turns_whatever_the_weights(bool isHeap) => Gen.Select(Weights, Gen.Int[1, 20_000], Gen.ULong).Sample(
        (weights, picks, seed) =>
        {
            var turns = Turns(weights, picks, seed, isHeap);
            var total = weights.Sum(static weight => (long)weight);
            for (var i = 0; i < weights.Length; i++)
            {
                var share = (double)weights[i] / total;
                Math.Abs(turns[i] - (picks * share)).Should().BeLessThanOrEqualTo(TurnWheel.Slack * (1 + (share * weights.Length)));
            }
        },
        iter: 300);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void No_two_drift_apart_however_many_there_are(bool isHeap) => Gen.Select(Weights, Gen.Int[1, 20_000], Gen.ULong).Sample(
        (weights, picks, seed) =>
        {
            // Virtual time by the clock of each: what a turn of it is worth times its turns. The bound does not know the number of endpoints.
            var turns = Turns(weights, picks, seed, isHeap);
            var behind = Enumerable.Range(0, weights.Length).Min(i => (turns[i] + TurnWheel.Slack) / weights[i]);
            var ahead = Enumerable.Range(0, weights.Length).Max(i => (turns[i] - TurnWheel.Slack) / weights[i]);
            ahead.Should().BeLessThanOrEqualTo(behind);
        },
        iter: 300);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nobody_starves(bool isHeap) => Gen.Select(Weights, Gen.ULong).Sample(
        (weights, seed) =>
        {
            var total = weights.Sum(static weight => (long)weight);
            var wheel = Turns(weights, seed, isHeap, out var intervals);
            var last = new long[weights.Length];
            for (var pick = 1; pick <= 20_000; pick++)
            {
                var index = wheel.Take();
                wheel.Put(index, intervals[index]);
                (pick - last[index]).Should().BeLessThanOrEqualTo((long)(TurnWheel.Slack * total / weights[index]) + (3 * weights.Length));
                last[index] = pick;
            }

            for (var i = 0; i < weights.Length; i++)
            {
                (20_000 - last[i]).Should().BeLessThanOrEqualTo((long)(TurnWheel.Slack * total / weights[i]) + (3 * weights.Length));
            }
        },
        iter: 100);

    [Fact]
    public void Turns_come_in_the_order_in_which_they_are_due_while_intervals_change() =>
        Gen.Select(Gen.Int[1, 60], Gen.Int[0, 61], Gen.ULong).Sample(
            static (count, bits, seed) =>
            {
                var random = new WorkerRandom(seed);
                var first = new ulong[count];
                Array.Fill(first, TurnWheel.Unit);
                var wheel = new TurnWheel(first, 1UL << 61, static () => 0);
                var due = Enumerable.Repeat((UInt128)1, count).ToArray();
                var slot = Enumerable.Repeat((UInt128)TurnWheel.Unit, count).ToArray();
                for (var i = 0; i < 5_000; i++)
                {
                    var index = wheel.Take();

                    // As early as its slot is wide. Virtual time has gone round several times by the end, where intervals are long.
                    (due[index] - due.Min()).Should().BeLessThan(slot[index]);
                    var interval = Math.Clamp(random.Next() >> (int)(random.Next() % (ulong)(64 - bits)), TurnWheel.Unit, wheel.Longest);
                    wheel.Put(index, interval);
                    due[index] += interval;
                    slot[index] = ((interval + slot[index]) / 7) + (TurnWheel.Unit / 8);
                }
            },
            iter: 200);

    [Fact]
    public void Longer_intervals_than_the_wheel_reaches_are_cut()
    {
        var wheel = new TurnWheel([TurnWheel.Unit, TurnWheel.Unit], TurnWheel.Unit, static () => 0);
        wheel.Longest.Should().BeGreaterThanOrEqualTo(TurnWheel.Unit);
        var kept = wheel.Take();
        wheel.Put(kept, ulong.MaxValue);

        var others = 0;
        for (var index = wheel.Take(); index != kept; index = wheel.Take())
        {
            wheel.Put(index, TurnWheel.Unit);
            others++;
        }

        others.Should().BeInRange(1, (int)(wheel.Longest / TurnWheel.Unit) + 1);
    }

    [Fact]
    public void A_turn_looks_at_as_many_slots_as_there_are_levels_and_allocates_nothing()
    {
        var random = new WorkerRandom(3);
        int[] weights = [.. Enumerable.Range(0, 10_000).Select(_ => 1 + (int)(random.Next() >> (34 + random.Next(30))))];
        var wheel = (TurnWheel)Turns(weights, seed: 5, isHeap: false, out var intervals);
        var most = 0;
        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 100_000; i++)
            {
                most = Math.Max(most, wheel.FilledLevels);
                var index = wheel.Take();
                wheel.Put(index, intervals[index]);
            }
        }).Should().Be(0);
        most.Should().BeInRange(2, TurnWheel.MaxLevels);
    }

    [Fact]
    public void A_heap_has_them_in_the_very_order_while_intervals_change_and_virtual_time_goes_round() => Gen.Select(Gen.Int[1, TurnHeap.Most], Gen.ULong).Sample(
        static (count, seed) =>
        {
            var random = new WorkerRandom(seed);
            var first = new ulong[count];
            Array.Fill(first, TurnWheel.Unit);
            var heap = new TurnHeap(first, static () => 0);
            var due = Enumerable.Repeat((UInt128)1, count).ToArray();
            for (var i = 0; i < 2_000; i++)
            {
                var index = heap.Take();
                due[index].Should().Be(due.Min());
                var interval = Math.Clamp(random.Next() >> (int)(random.Next() % 40), TurnWheel.Unit, heap.Longest);
                heap.Put(index, interval);
                due[index] += interval;
            }
        },
        iter: 100);

    [Theory]
    [InlineData(1, true)]
    [InlineData(TurnHeap.Most, true)]
    [InlineData(TurnHeap.Most + 1, false)]
    public void Few_are_kept_in_a_heap_and_many_in_a_wheel(int count, bool isHeap)
    {
        var intervals = new ulong[count];
        Array.Fill(intervals, TurnWheel.Unit);

        (ITurns.Of(intervals, TurnWheel.Unit, new WorkerRandom(1)) is TurnHeap).Should().Be(isHeap);
    }

    private static int[] Turns(int[] weights, int picks, ulong seed, bool isHeap)
    {
        var wheel = Turns(weights, seed, isHeap, out var intervals);
        var turns = new int[weights.Length];
        for (var i = 0; i < picks; i++)
        {
            var index = wheel.Take();
            turns[index]++;
            wheel.Put(index, intervals[index]);
        }

        return turns;
    }

    private static ITurns Turns(int[] weights, ulong seed, bool isHeap, out ulong[] intervals)
    {
        double heaviest = weights.Max();
        intervals = Array.ConvertAll(weights, weight => (ulong)Math.Round(heaviest / weight * TurnWheel.Unit));
        return isHeap ? new TurnHeap(intervals, new WorkerRandom(seed).Next) : new TurnWheel(intervals, intervals.Max(), new WorkerRandom(seed).Next);
    }
}

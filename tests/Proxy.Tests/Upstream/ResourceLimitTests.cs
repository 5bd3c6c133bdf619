using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>A limit that many workers share.</summary>
public sealed class ResourceLimitTests
{
    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(3, 8)]
    [InlineData(1024, 4)]
    [InlineData(100_000, 8)]
    public async Task It_is_never_exceeded_and_nearly_all_of_it_can_be_used(int max, int workers)
    {
        var limit = new ResourceLimit(max, workers);
        var inUse = 0;
        var most = 0;
        await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(() =>
        {
            var random = new Random(worker);
            var mine = 0;
            for (var step = 0; step < 50_000; step++)
            {
                if (random.Next(3) > 0 && limit.TryTake(worker))
                {
                    mine++;
                    Max(ref most, Interlocked.Increment(ref inUse));
                }
                else if (mine > 0 && random.Next(2) == 0)
                {
                    mine--;
                    Interlocked.Decrement(ref inUse);
                    limit.Return(worker);
                }
            }

            for (; mine > 0; mine--)
            {
                Interlocked.Decrement(ref inUse);
                limit.Return(worker);
            }
        })));
        most.Should().BeLessThanOrEqualTo(max);
        limit.InUse.Should().Be(0);

        var taken = 0;
        while (limit.TryTake(0))
        {
            taken++;
        }

        taken.Should().BeInRange(max - (max / 32), max);
        limit.InUse.Should().Be(taken);
    }

    [Theory]
    [InlineData(4, 2)]
    [InlineData(10_000, 4)]
    public void A_limit_that_falls_below_what_is_taken_gives_nothing_until_enough_came_back(int max, int workers)
    {
        var limit = new ResourceLimit(max, workers);
        for (var i = 0; i < 4; i++)
        {
            limit.TryTake(i % workers).Should().BeTrue();
        }

        limit.Change(2);
        for (var worker = 0; worker < workers; worker++)
        {
            limit.ReturnStock(worker);
        }

        limit.InUse.Should().Be(4);
        limit.Remaining.Should().Be(0);
        limit.TryTake(0).Should().BeFalse();
        limit.Return(0);
        limit.Return(1);
        limit.TryTake(0).Should().BeFalse();
        limit.Return(0);
        limit.TryTake(1).Should().BeTrue();
        limit.Change(max);
        limit.InUse.Should().Be(2);
        limit.Remaining.Should().Be(max - 2);
    }

    private static void Max(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen;)
        {
            var before = Interlocked.CompareExchange(ref most, value, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>The workers' random numbers.</summary>
public sealed class WorkerRandomTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(100)]
    public void Numbers_below_a_bound_are_spread_evenly(int bound)
    {
        const int draws = 100_000;
        var random = new WorkerRandom(42);
        var counts = new int[bound];
        for (var i = 0; i < draws; i++)
        {
            counts[random.Next(bound)]++;
        }

        // Six standard deviations of a binomial count.
        var mean = (double)draws / bound;
        var slack = 6 * Math.Sqrt(mean * (1 - (1.0 / bound)));
        counts.Should().AllSatisfy(count => ((double)count).Should().BeInRange(mean - slack, mean + slack));
    }

    [Fact]
    public void Seeds_next_to_each_other_give_unlike_numbers_and_the_same_seed_the_same()
    {
        var firsts = Enumerable.Range(0, 1000).Select(seed => new WorkerRandom((ulong)seed).Next()).ToArray();

        firsts.Should().OnlyHaveUniqueItems();
        new WorkerRandom(5).Next().Should().Be(firsts[5]);
        Enumerable.Range(0, 64).Should().AllSatisfy(bit => firsts.Count(value => ((value >> bit) & 1) == 1).Should().BeInRange(400, 600));
    }
}

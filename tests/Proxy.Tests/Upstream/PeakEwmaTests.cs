using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Testing;
using static KubeProxyNet.Proxy.Tests.Upstream.PickedFrom;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Peak EWMA: latency that rises at once and falls slowly, times requests under way, of two endpoints drawn by weight.</summary>
public sealed class PeakEwmaTests
{
    private static readonly TimeSpan Decay = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(1, 10)]
    [InlineData(2, 10)]
    [InlineData(3, 5)]
    [InlineData(4, 3)]
    public void An_endpoint_ten_times_slower_than_its_peers_gets_less_than_two_percent_within_a_second(ulong seed, int hosts)
    {
        var counts = Simulate(seed, [.. Enumerable.Range(1, hosts).Select(static port => One(port))], milliseconds: 1000, perMillisecond: 1, (port, random) => port == 1 ? 100 : 5 + random.Next(11));

        (counts[1] / (double)counts.Values.Sum()).Should().BeLessThan(0.02);
    }

    [Fact]
    public void An_endpoint_that_never_answers_is_left_alone_once_its_requests_are_old()
    {
        var counts = Simulate(5, [.. Enumerable.Range(1, 5).Select(static port => One(port))], milliseconds: 2000, perMillisecond: 1, static (port, random) => port == 1 ? 1_000_000 : 5 + random.Next(11));

        counts[1].Should().BeLessThan(10);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Endpoints_of_equal_latency_share_by_weight(ulong seed)
    {
        var counts = Simulate(seed, [One(1, weight: 1), One(2, weight: 2), One(3, weight: 3)], milliseconds: 100_000, perMillisecond: 1, static (_, _) => 4);

        var total = (double)counts.Values.Sum();
        (counts[1] / total).Should().BeApproximately(1.0 / 6, 0.03);
        (counts[2] / total).Should().BeApproximately(2.0 / 6, 0.03);
        (counts[3] / total).Should().BeApproximately(3.0 / 6, 0.03);
    }

    [Fact]
    public void Equal_endpoints_share_equally()
    {
        var counts = Simulate(9, [.. Enumerable.Range(1, 10).Select(static port => One(port))], milliseconds: 50_000, perMillisecond: 1, static (_, random) => 5 + random.Next(11));

        counts.Values.Should().OnlyContain(static count => count > 4500 && count < 5500);
    }

    [Fact]
    public void Latency_jumps_up_at_once_and_falls_over_the_decay_time()
    {
        var clock = new ManualClock();
        var latency = new PeakEwmaLatency(clock, Decay);
        latency.Cost(1).Should().Be(0);

        Answer(latency, clock, 10);
        latency.Cost(1).Should().BeApproximately(10_000, 1);
        Answer(latency, clock, 100);
        latency.Cost(1).Should().BeApproximately(100_000, 1);

        // One fast answer right behind it weighs next to nothing.
        Answer(latency, clock, 1);
        latency.Cost(1).Should().BeGreaterThan(99_000);
        clock.Advance(Decay);
        latency.Cost(1).Should().BeApproximately(100_000 / Math.E, 100);
    }

    [Fact]
    public void Requests_under_way_count_by_number_and_by_age()
    {
        var clock = new ManualClock();
        var latency = new PeakEwmaLatency(clock, Decay);
        var first = latency.Begin();
        latency.Cost(1).Should().BeApproximately(2 * Decay.TotalMicroseconds, 1, "nobody else is to find out what one request finds out");
        clock.Advance(TimeSpan.FromMilliseconds(10));
        latency.End(first);

        latency.Begin();
        latency.Begin();
        latency.Cost(1).Should().BeApproximately(3 * 10_000, 1);
        latency.Cost(0.5).Should().BeApproximately(2 * 10_000, 1, "a heavier endpoint bears more");
        clock.Advance(TimeSpan.FromMilliseconds(50));
        latency.Cost(1).Should().BeApproximately(3 * 50_000, 1);
    }

    [Fact]
    public void An_endpoint_that_recovered_is_tried_again()
    {
        var counts = new Dictionary<int, int>();
        var clock = new ManualClock();
        using var from = new PickedFrom(seed: 3, time: clock);
        var cluster = from.Build(LoadBalancingPolicy.PeakEwma, [One(1), One(2), One(3)]);
        Answer(cluster.Endpoints[0].State.PageOf(from.Worker).Latency!, clock, 1000);
        for (var i = 0; i < 100_000; i++)
        {
            var endpoint = from.Pick(cluster)!;
            Answer(endpoint.State.PageOf(from.Worker).Latency!, clock, 1);
            counts[endpoint.Config.Address.Port] = counts.GetValueOrDefault(endpoint.Config.Address.Port) + 1;
        }

        counts[1].Should().BeGreaterThan(1000, "a thousandfold latency is forgotten after seven decay times");
    }

    [Fact]
    public void One_endpoint_is_always_chosen()
    {
        using var from = new PickedFrom();
        from.Ports(from.Build(LoadBalancingPolicy.PeakEwma, [One(1)]), 10).Should().OnlyContain(static port => port == 1);
    }

    [Fact]
    public void A_pick_and_its_answer_allocate_nothing()
    {
        using var from = new PickedFrom();
        var cluster = from.Build(LoadBalancingPolicy.PeakEwma, [One(1, weight: 3), One(2), One(3)]);
        Run(1000);

        AllocatedBytes.Least(() => Run(10_000)).Should().Be(0);

        void Run(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var latency = from.Pick(cluster)!.State.PageOf(from.Worker).Latency!;
                latency.End(latency.Begin());
            }
        }
    }

    private static void Answer(PeakEwmaLatency latency, ManualClock clock, int milliseconds)
    {
        var start = latency.Begin();
        clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
        latency.End(start);
    }

    /// <summary>Requests at an even rate to endpoints that take so many milliseconds; how many each got, by port.</summary>
    private static Dictionary<int, int> Simulate(ulong seed, EndpointConfig[] hosts, int milliseconds, int perMillisecond, Func<int, WorkerRandom, int> latencyMs)
    {
        var clock = new ManualClock();
        using var from = new PickedFrom(seed, clock);
        var cluster = from.Build(LoadBalancingPolicy.PeakEwma, hosts);
        var random = new WorkerRandom(seed + 100);
        var underWay = new PriorityQueue<(PeakEwmaLatency Latency, long Start), int>();
        var counts = hosts.ToDictionary(static host => host.Address.Port, static _ => 0);
        for (var now = 0; now < milliseconds; now++)
        {
            while (underWay.TryPeek(out var done, out var at) && at <= now)
            {
                underWay.Dequeue();
                done.Latency.End(done.Start);
            }

            for (var i = 0; i < perMillisecond; i++)
            {
                var endpoint = from.Pick(cluster)!;
                var port = endpoint.Config.Address.Port;
                var latency = endpoint.State.PageOf(from.Worker).Latency!;
                counts[port]++;
                underWay.Enqueue((latency, latency.Begin()), now + latencyMs(port, random));
            }

            clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        return counts;
    }
}

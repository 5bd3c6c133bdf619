using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Observability.Stats;

public sealed class StatRegistryTests
{
    private readonly StatRegistry _registry = new();

    [Fact]
    public void A_counter_is_the_sum_of_all_pages()
    {
        var counter = _registry.Counter("cluster.a.upstream_rq_total");
        var first = _registry.CreatePage();
        var second = _registry.CreatePage();

        first.Increment(counter);
        first.Add(counter, 5);
        second.Increment(counter);
        _registry.Shared.Increment(counter);

        _registry.Collect().Value("cluster.a.upstream_rq_total").Should().Be(8);
    }

    [Fact]
    public void A_gauge_that_rises_on_one_worker_and_falls_on_another_is_zero_and_used()
    {
        var gauge = _registry.Gauge("g");
        _registry.CreatePage().Add(gauge, 3);
        _registry.CreatePage().Add(gauge, -3);

        _registry.Collect().Values.Should().Equal(new StatValue("g", StatKind.Gauge, 0, Used: true));
    }

    [Fact]
    public void A_gauge_can_be_negative_and_can_be_set()
    {
        _registry.Shared.Add(_registry.Gauge("below"), -7);
        var set = _registry.Gauge("set");
        _registry.Shared.Set(set, 5);
        _registry.Shared.Set(set, 2);
        _registry.Shared.Add(set, 1);

        var snapshot = _registry.Collect();
        snapshot.Value("below").Should().Be(-7);
        snapshot.Value("set").Should().Be(3);
    }

    [Fact]
    public void The_same_name_is_the_same_counter_and_kinds_do_not_clash()
    {
        _registry.Counter("n").Should().Be(_registry.Counter("n"));
        var page = _registry.CreatePage();
        page.Increment(_registry.Counter("n"));
        page.Record(_registry.Histogram("n"), 4);

        _registry.Collect().Value("n").Should().Be(1);
        _registry.Collect().Histogram("n").Sum.Should().Be(4);
    }

    [Fact]
    public void Default_handles_count_into_nothing()
    {
        var page = _registry.CreatePage();
        page.Increment(default(Counter));
        page.Add(default(Gauge), 3);
        page.Record(default, 3);
        var snapshot = _registry.Collect();

        snapshot.Values.Should().BeEmpty();
        snapshot.Histograms.Should().BeEmpty();
    }

    [Fact]
    public void An_observed_gauge_is_read_at_each_scrape()
    {
        var uptime = 41L;
        _registry.Observe("server.uptime", () => ++uptime);

        _registry.Collect().Value("server.uptime").Should().Be(42);
        _registry.Collect().Value("server.uptime").Should().Be(43);
    }

    [Fact]
    public void A_stat_that_nobody_wrote_is_listed_as_unused()
    {
        _registry.Counter("c");
        _registry.Gauge("g");
        _registry.Collect().Values.Should().Equal(
            new StatValue("c", StatKind.Counter, 0, Used: false), new StatValue("g", StatKind.Gauge, 0, Used: false));
    }

    [Fact]
    public void Many_stats_over_many_segments_keep_apart()
    {
        var counters = Enumerable.Range(0, 5000).Select(i => _registry.Counter($"c{i}")).ToArray();
        var page = _registry.CreatePage();
        for (var i = counters.Length - 1; i >= 0; i--)
        {
            page.Add(counters[i], i);
        }

        var snapshot = _registry.Collect();
        Enumerable.Range(0, 5000).Should().OnlyContain(i => snapshot.Value($"c{i}") == i);
    }

    [Fact]
    public void Writing_allocates_nothing_after_the_first_touch()
    {
        var counter = _registry.Counter("c");
        var gauge = _registry.Gauge("g");
        var histogram = _registry.Histogram("h");
        var page = _registry.CreatePage();
        Write(2);
        AllocatedBytes.Least(() => Write(1000)).Should().Be(0);

        void Write(int times)
        {
            for (var i = 0; i < times; i++)
            {
                page.Increment(counter);
                page.Add(gauge, 1);
                page.Record(histogram, 17);
            }
        }
    }

    [Fact]
    public async Task A_scrape_while_workers_write_and_grow_never_sees_a_counter_shrink()
    {
        const int count = 20_000;
        var writers = Enumerable.Range(0, 2).Select(_ => _registry.CreatePage()).Select(page => Task.Run(() =>
        {
            for (var i = 0; i < count; i++)
            {
                page.Increment(_registry.Counter($"c{i % 700}"));
                page.Record(_registry.Histogram($"h{i % 70}"), i);
                _registry.Shared.Increment(_registry.Counter("shared"));
            }
        })).ToArray();
        long seen = 0;
        while (!Task.WhenAll(writers).IsCompleted)
        {
            var now = Total();
            now.Should().BeGreaterThanOrEqualTo(seen);
            seen = now;
        }

        await Task.WhenAll(writers);
        Total().Should().Be(4 * count);
        _registry.Collect().Histograms.Sum(histogram => histogram.Data.Count).Should().Be(2 * count);

        long Total() => _registry.Collect().Values.Sum(value => value.Value);
    }
}

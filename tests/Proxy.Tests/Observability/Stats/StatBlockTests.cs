using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Tests.Observability.Stats;

/// <summary>Statistics that many owners have: the same as if each had been registered by its full name.</summary>
public sealed class StatBlockTests
{
    private static readonly StatLayout Layout = StatLayout.Of(static block =>
    {
        block.Counter("rq_total");
        block.Gauge("rq_active");
        block.Histogram("rq_time");
        block.Counter("rq_5xx");
    });

    private readonly StatRegistry _registry = new();

    [Fact]
    public void Owners_are_told_apart_by_their_prefix()
    {
        var page = _registry.CreatePage();
        page.Add(_registry.Block("cluster.a.", Layout).Counter("rq_total"), 1);
        page.Add(_registry.Block("cluster.b.", Layout).Counter("rq_total"), 2);
        page.Add(_registry.Block("cluster.b.", Layout).Gauge("rq_active"), 3);
        page.Record(_registry.Block("cluster.b.", Layout).Histogram("rq_time"), 4);

        var snapshot = _registry.Collect();
        snapshot.Values.Should().Equal(
            new StatValue("cluster.a.rq_5xx", StatKind.Counter, 0, Used: false),
            new StatValue("cluster.a.rq_active", StatKind.Gauge, 0, Used: false),
            new StatValue("cluster.a.rq_total", StatKind.Counter, 1, Used: true),
            new StatValue("cluster.b.rq_5xx", StatKind.Counter, 0, Used: false),
            new StatValue("cluster.b.rq_active", StatKind.Gauge, 3, Used: true),
            new StatValue("cluster.b.rq_total", StatKind.Counter, 2, Used: true));
        snapshot.Histograms.Select(histogram => (histogram.Name, histogram.Data.Sum)).Should().Equal(("cluster.a.rq_time", 0), ("cluster.b.rq_time", 4));
    }

    [Fact]
    public void A_full_name_is_the_same_handle_whichever_comes_first()
    {
        var before = (_registry.Counter("cluster.a.rq_5xx"), _registry.Histogram("cluster.a.rq_time"), _registry.Gauge("cluster.a.rq_active"));
        var block = _registry.Block("cluster.a.", Layout);

        (block.Counter("rq_5xx"), block.Histogram("rq_time"), block.Gauge("rq_active")).Should().Be(before);
        _registry.Counter("cluster.a.rq_total").Should().Be(block.Counter("rq_total"));
        _registry.Counter("cluster.a.rq_5xx").Should().Be(block.Counter("rq_5xx"));
        _registry.Histogram("cluster.a.rq_time").Should().Be(block.Histogram("rq_time"));
        _registry.Block("cluster.a.", Layout).Counter("rq_total").Should().Be(block.Counter("rq_total"));
        _registry.Collect().Values.Select(value => value.Name).Should().Equal("cluster.a.rq_5xx", "cluster.a.rq_active", "cluster.a.rq_total");
        _registry.Collect().Histograms.Should().ContainSingle();
    }

    [Fact]
    public void Prefixes_may_begin_with_one_another_and_be_long()
    {
        var prefix = $"cluster.a.{new string('x', 1000)}.";
        var (one, other, far) = (_registry.Block("cluster.a.", Layout), _registry.Block("cluster.a.b.", Layout), _registry.Block(prefix, Layout));

        Counter[] all = [one.Counter("rq_total"), other.Counter("rq_total"), far.Counter("rq_total"), one.Counter("rq_5xx"), other.Counter("rq_5xx"), far.Counter("rq_5xx")];
        all.Should().OnlyHaveUniqueItems();
        _registry.Counter("cluster.a.b.rq_total").Should().Be(other.Counter("rq_total"));
        _registry.Counter(prefix + "rq_total").Should().Be(far.Counter("rq_total"));
        all.Should().NotContain(_registry.Counter("cluster.a.b.other"));
        all.Should().NotContain(_registry.Counter("cluster.c.rq_total"));
    }

    [Fact]
    public void A_name_is_of_one_kind()
    {
        var block = _registry.Block("cluster.a.", Layout);

        FluentActions.Invoking(() => block.Gauge("rq_total")).Should().Throw<InvalidOperationException>();
    }
}

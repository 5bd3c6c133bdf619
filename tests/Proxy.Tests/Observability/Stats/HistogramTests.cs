using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Tests.Observability.Stats;

public sealed class HistogramTests
{
    private readonly StatRegistry _registry = new();

    [Fact]
    public void Small_values_are_exact()
    {
        var data = Record(5, 5, 7, 100);

        data.Count.Should().Be(4);
        data.Sum.Should().Be(117);
        data.Quantile(0).Should().Be(5);
        data.Quantile(0.5).Should().Be(5);
        data.Quantile(0.75).Should().Be(7);
        data.Quantile(1).Should().Be(100);
    }

    [Fact]
    public void Without_values_every_quantile_is_unknown() => HistogramSnapshot.Empty.Quantile(0.5).Should().Be(double.NaN);

    [Fact]
    public void Every_value_falls_into_the_bucket_whose_bounds_hold_it() =>
        Gen.Long[0, LogLinearHistogram.MaxValue].Sample(value =>
        {
            var bucket = LogLinearHistogram.BucketOf(value);
            var lower = LogLinearHistogram.LowerBound(bucket);
            var width = LogLinearHistogram.Width(bucket);
            return value >= lower && value < lower + width && (width == 1 || width <= lower / 64) && bucket < LogLinearHistogram.BucketCount;
        });

    [Fact]
    public void Buckets_follow_each_other_without_gap()
    {
        for (var bucket = 1; bucket < LogLinearHistogram.BucketCount; bucket++)
        {
            LogLinearHistogram.LowerBound(bucket)
                .Should().Be(LogLinearHistogram.LowerBound(bucket - 1) + LogLinearHistogram.Width(bucket - 1));
        }
    }

    [Fact]
    public void Quantiles_are_right_within_two_percent() =>
        Gen.Long[0, 10_000_000].Array[1, 200].Sample(values =>
        {
            var data = new Recording(values).Data;
            var sorted = values.Order().ToArray();
            foreach (var quantile in new[] { 0.0, 0.25, 0.5, 0.9, 0.99, 1.0 })
            {
                var exact = sorted[Math.Max(0, (int)Math.Ceiling(quantile * sorted.Length) - 1)];
                Math.Abs(data.Quantile(quantile) - exact).Should().BeLessThanOrEqualTo((exact * 0.02) + 0.001);
            }
        });

    [Fact]
    public void Values_out_of_range_are_clamped()
    {
        var data = Record(-5, long.MaxValue);

        data.Count.Should().Be(2);
        data.Quantile(0).Should().Be(0);
        data.Sum.Should().Be(LogLinearHistogram.MaxValue);
    }

    [Fact]
    public void Pages_merge()
    {
        var histogram = _registry.Histogram("h");
        _registry.CreatePage().Record(histogram, 1);
        _registry.CreatePage().Record(histogram, 3);
        _registry.Shared.Record(histogram, 1);

        _registry.Collect().Histogram("h").Buckets.Should().Equal(new HistogramBucket(1, 1, 2), new HistogramBucket(3, 1, 1));
    }

    [Fact]
    public void The_difference_of_two_snapshots_is_what_came_between()
    {
        var histogram = _registry.Histogram("h");
        var page = _registry.CreatePage();
        page.Record(histogram, 1);
        var before = _registry.Collect().Histogram("h");
        page.Record(histogram, 1);
        page.Record(histogram, 9);

        var since = _registry.Collect().Histogram("h").Since(before);

        since.Sum.Should().Be(10);
        since.Buckets.Should().Equal(new HistogramBucket(1, 1, 1), new HistogramBucket(9, 1, 1));
    }

    private static HistogramSnapshot Record(params long[] values) => new Recording(values).Data;

    private sealed class Recording
    {
        internal Recording(IEnumerable<long> values)
        {
            var registry = new StatRegistry();
            var page = registry.CreatePage();
            foreach (var value in values)
            {
                page.Record(registry.Histogram("h"), value);
            }

            Data = registry.Collect().Histogram("h");
        }

        internal HistogramSnapshot Data { get; }
    }
}

using AwesomeAssertions;
using KubeProxyNet.Xds.Serving;

namespace KubeProxyNet.Xds.Tests.Serving;

public sealed class SnapshotCacheTests
{
    [Fact]
    public void A_watcher_hears_of_its_group_until_it_ends()
    {
        var cache = new SnapshotCache();
        var calls = 0;
        using (cache.Watch("edge", () => calls++))
        {
            cache.Set("edge", Snapshot.Empty);
            cache.Set("mesh", Snapshot.Empty);
            calls.Should().Be(1);
        }

        cache.Set("edge", Snapshot.Empty);
        calls.Should().Be(1);
    }

    [Fact]
    public void A_watcher_sees_the_new_snapshot_when_it_is_called()
    {
        var cache = new SnapshotCache();
        Snapshot? seen = null;
        using var watch = cache.Watch("edge", () => seen = cache.Get("edge"));
        var snapshot = Snapshot.Create([SampleResources.Cluster("a")]);
        cache.Set("edge", snapshot);
        seen.Should().BeSameAs(snapshot);
    }

    [Fact]
    public void A_removed_group_is_gone()
    {
        var cache = new SnapshotCache();
        cache.Set("edge", Snapshot.Empty);
        cache.Groups.Should().Equal("edge");
        cache.Remove("edge");
        cache.Get("edge").Should().BeNull();
    }

    [Fact]
    public void Many_threads_may_set_and_watch()
    {
        var cache = new SnapshotCache();
        var calls = 0;
        Parallel.For(0, 200, i =>
        {
            using var watch = cache.Watch("g" + (i % 3), () => Interlocked.Increment(ref calls));
            cache.Set("g" + (i % 3), Snapshot.Empty);
        });
        calls.Should().BeGreaterThanOrEqualTo(200);
        cache.Groups.Should().HaveCount(3);
    }
}

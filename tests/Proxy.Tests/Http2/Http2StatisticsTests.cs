using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Tests.Http2;

/// <summary>The names under which HTTP/2 is counted are Envoy's.</summary>
public sealed class Http2StatisticsTests
{
    private readonly StatRegistry _registry = new();

    [Fact]
    public void Clients_of_all_connection_managers_are_counted_together()
    {
        var page = _registry.CreatePage();

        page.Increment(new HttpStats(_registry, "one").Http2.RxReset);
        page.Increment(new HttpStats(_registry, "two").Http2.RxReset);

        ValueOf("http2.rx_reset").Should().Be(2);
    }

    [Theory]
    [InlineData(UpstreamProtocol.Http2)]
    [InlineData(UpstreamProtocol.Auto)]
    [InlineData(UpstreamProtocol.Downstream)]
    public void A_cluster_that_may_speak_it_counts_for_itself(UpstreamProtocol protocol)
    {
        var page = _registry.CreatePage();

        page.Increment(new ClusterStats(_registry, "shop", protocol).Http2.GoAwaySent);

        ValueOf("cluster.shop.http2.goaway_sent").Should().Be(1);
    }

    [Fact]
    public void A_cluster_of_HTTP_1_has_no_statistics_of_it()
    {
        var stats = new ClusterStats(_registry, "shop");

        stats.Http2.Should().BeSameAs(Http2Stats.None);
        _registry.Collect().Values.Should().NotContain(value => value.Name.Contains(".http2.", StringComparison.Ordinal));
    }

    private long ValueOf(string name) => _registry.Collect().Value(name);
}

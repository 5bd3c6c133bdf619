using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream.Grpc;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>Calls in the statistics of clusters (Envoy documentation, "gRPC Statistics").</summary>
public sealed class GrpcStatsTests
{
    private const string Two = "\0\0\0\0\u0003abc\0\0\0\0\0";

    private static readonly GrpcStatsConfig All = new("stats") { CountsAllMethods = true };

    [Fact]
    public async Task A_call_is_counted_by_its_method_and_its_status()
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Statuses(0, 14, 99));
        await using var proxy = Start(All, backend.Port);

        for (var i = 0; i < 3; i++)
        {
            await GrpcTraffic.CallAsync(proxy.Port, path: "/shop.Cart/Add?x=/y");
        }

        Count(proxy, "shop.Cart.Add.0").Should().Be(1);
        Count(proxy, "shop.Cart.Add.14").Should().Be(1);
        Count(proxy, "shop.Cart.Add.success").Should().Be(1);
        Count(proxy, "shop.Cart.Add.failure").Should().Be(2);
        Count(proxy, "shop.Cart.Add.total").Should().Be(3);
        proxy.Stats.Collect().Values.Should().NotContain(stat => stat.Name.EndsWith(".99", StringComparison.Ordinal), "names are not what an upstream likes");
    }

    [Fact]
    public async Task Messages_are_counted_both_ways()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, Two + Two, new RawHeader("content-type", "application/grpc+proto")));
        await using var proxy = Start(All with { MeasuresUpstream = true }, backend.Port);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(body: Two));

        response.BodyText.Should().Be(Two + Two);
        Count(proxy, "shop.Cart.Add.request_message_count").Should().Be(2);
        Count(proxy, "shop.Cart.Add.response_message_count").Should().Be(4);
    }

    [Fact]
    public async Task What_the_proxy_answers_itself_counts_too()
    {
        await using var proxy = Start(All);

        await GrpcTraffic.CallAsync(proxy.Port);

        Count(proxy, "shop.Cart.Add.14").Should().Be(1);
        Count(proxy, "shop.Cart.Add.failure").Should().Be(1);
    }

    [Fact]
    public async Task A_call_to_no_cluster_is_not_counted()
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(
                new Route { Match = new RouteMatch { Path = new PrefixPath("/shop.Cart/Answered") }, Action = new DirectResponseAction(403) },
                new Route { Match = new RouteMatch { Path = new PrefixPath("/shop.Cart/Lost") }, Action = new ForwardAction { Cluster = new SingleCluster("none") } }),
            [RunningProxy.Cluster("backend")],
            static http => http with { Filters = [All] });

        foreach (var path in new[] { "/shop.Cart/Answered", "/shop.Cart/Lost", "/shop.Cart/Elsewhere" })
        {
            (await GrpcTraffic.CallAsync(proxy.Port, path: path)).Headers.Contains("grpc-status").Should().BeTrue();
        }

        await Patience.UntilAsync(() => proxy.Stat("http.test.downstream_rq_completed") == 3, "all calls are over");
        proxy.Stats.Collect().Values.Should().NotContain(static stat => stat.Name.Contains(".grpc.", StringComparison.Ordinal) && stat.Value != 0);
    }

    [Fact]
    public async Task The_time_of_the_upstream_is_noted_where_that_is_asked_for()
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Status(0));
        await using var proxy = Start(All with { MeasuresUpstream = true, ReplacesDots = true }, backend.Port);

        await GrpcTraffic.CallAsync(proxy.Port);

        proxy.Stats.Collect().Histograms.Should().Contain(static stat => stat.Name == "cluster.backend.grpc.shop_Cart.Add.upstream_rq_time");
        Count(proxy, "shop_Cart.Add.total").Should().Be(1);
    }

    [Theory]
    [InlineData("/shop.Cart/Add", "shop.Cart.Add.total")]
    [InlineData("/shop.Cart/Remove", "total")]
    [InlineData("/shop.Cart/Add/More", null)]
    [InlineData("/shop.Cart", null)]
    public async Task Of_methods_that_are_listed_each_is_counted_and_the_others_together(string path, string? name)
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Status(0));
        await using var proxy = Start(new GrpcStatsConfig("stats") { Methods = new ValueList<string>(["/shop.Cart/Add"]) }, backend.Port);

        await GrpcTraffic.CallAsync(proxy.Port, path: path);
        await GrpcTraffic.CallAsync(proxy.Port, path: path, type: "application/json");

        proxy.Stats.Collect().Values.Where(static stat => stat.Name.StartsWith("cluster.backend.grpc.", StringComparison.Ordinal) && stat.Name.EndsWith("total", StringComparison.Ordinal))
            .Select(static stat => stat.Name["cluster.backend.grpc.".Length..]).Should().Equal(name is null ? [] : [name]);
    }

    [Fact]
    public void Clients_cannot_make_any_number_of_counters()
    {
        var table = new GrpcMethodTable(new StatRegistry(), "cluster.c.grpc.");
        for (var i = 0; i < GrpcMethodTable.MaxMethods; i++)
        {
            table.Find(System.Text.Encoding.ASCII.GetBytes($"/s/m{i}")).Should().NotBeSameAs(table.All);
        }

        table.Find("/s/other"u8).Should().BeSameAs(table.All);
        table.Find("/s/m0"u8).Should().NotBeSameAs(table.All);
    }

    [Fact]
    public void Messages_are_followed_in_pieces_of_any_size()
    {
        var bytes = System.Text.Encoding.Latin1.GetBytes(Two + Two);
        for (var size = 1; size <= bytes.Length; size++)
        {
            var reader = default(GrpcFrameReader);
            var count = 0L;
            foreach (var piece in bytes.Chunk(size))
            {
                count += reader.Inspect(piece);
            }

            count.Should().Be(4, "in pieces of {0}", size);
        }
    }

    private static long Count(RunningProxy proxy, string name) => proxy.Stat("cluster.backend.grpc." + name);

    private static RunningProxy Start(GrpcStatsConfig filter, params int[] ports) => RunningProxy.Start(
        RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", ports)], http => http with { Filters = [filter] });
}

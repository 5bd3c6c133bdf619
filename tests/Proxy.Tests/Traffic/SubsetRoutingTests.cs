using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Balancers that look at the route or at how attempts went, through a running proxy.</summary>
public sealed class SubsetRoutingTests
{
    [Fact]
    public async Task A_request_goes_to_the_subset_that_its_route_or_weighted_cluster_asks_for()
    {
        await using var one = ScriptedBackend.Start(BackendScripts.Answer(200, "one"));
        await using var two = ScriptedBackend.Start(BackendScripts.Answer(200, "two"));
        var cluster = RunningProxy.Cluster("backend", one.Port, two.Port);
        cluster = cluster with
        {
            Config = cluster.Config with { Balancing = new LoadBalancerOptions { Subsets = new SubsetOptions(new ValueList<SubsetSelector>([new SubsetSelector(new ValueList<string>(["v"]))])) } },
            Endpoints = [cluster.Endpoints[0] with { Metadata = Version("1") }, cluster.Endpoints[1] with { Metadata = Version("2") }],
        };
        var weighted = new WeightedClusters([new WeightedCluster { Name = "backend", Weight = 1, MetadataMatch = Match("2") }]);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(
                To("/1", new ForwardAction { Cluster = new SingleCluster("backend"), MetadataMatch = Match("1") }),
                To("/2", new ForwardAction { Cluster = weighted, MetadataMatch = Match("1") }),
                To("/3", new ForwardAction { Cluster = new SingleCluster("backend"), MetadataMatch = Match("3") })),
            [cluster]);

        for (var i = 0; i < 4; i++)
        {
            (await RawHttpClient.GetAsync(proxy.Port, "/1")).BodyText.Should().Be("one");
            (await RawHttpClient.GetAsync(proxy.Port, "/2")).BodyText.Should().Be("two");
        }

        (await RawHttpClient.GetAsync(proxy.Port, "/3")).Status.Should().Be(503);
        (await proxy.LogAsync(9)).Should().Contain(" 503 UH no_healthy_upstream ");
        proxy.Stat("cluster.backend.lb_subsets_selected").Should().Be(8);
    }

    [Fact]
    public async Task Peak_ewma_sends_next_to_nothing_to_a_backend_that_is_ten_times_slower()
    {
        const int Requests = 400;
        await using var slow = ScriptedBackend.Start(Taking(200));
        await using var a = ScriptedBackend.Start(Taking(20));
        await using var b = ScriptedBackend.Start(Taking(20));
        await using var c = ScriptedBackend.Start(Taking(20));
        await using var d = ScriptedBackend.Start(Taking(20));
        var cluster = RunningProxy.Cluster("backend", slow.Port, a.Port, b.Port, c.Port, d.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { LoadBalancing = LoadBalancingPolicy.PeakEwma } }]);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            for (var i = 0; i < Requests / 4; i++)
            {
                await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
                (await client.ReadResponseAsync()).Status.Should().Be(200);
            }
        }));

        slow.Requests.Count.Should().BeLessThanOrEqualTo(Requests / 50);
        new[] { slow, a, b, c, d }.Sum(static backend => backend.Requests.Count).Should().Be(Requests);
    }

    private static BackendScript Taking(int milliseconds) => BackendScripts.EachRequest(async (connection, request) =>
    {
        await Task.Delay(milliseconds, connection.Stopping);
        await connection.SendAsync(BackendScripts.ResponseText(200, "", [], withBody: true));
    });

    private static Route To(string prefix, ForwardAction action) => new() { Match = new RouteMatch { Path = new PrefixPath(prefix) }, Action = action };

    private static MetadataMatch Match(string version) => new([new MetadataLabel("v", $"\"{version}\"")]);

    private static EndpointMetadata Version(string version) => new(new Dictionary<string, string[]> { ["v"] = [$"\"{version}\""] });
}

using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Explain;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Explain;

/// <summary>What is said of a request is what becomes of it.</summary>
public sealed class ExplainTests
{
    [Fact]
    public async Task Explanations_and_traffic_agree_over_thousands_of_requests()
    {
        var names = new[] { "one", "two", "three" };
        await using DisposableCollection<ScriptedBackend> backends = [.. names.Select(name => ScriptedBackend.Start(BackendScripts.Answer(200, name)))];
        await using var proxy = RunningProxy.Start(
            Table(new ForwardAction { Cluster = new SingleCluster("one") }), [.. names.Select((name, i) => RunningProxy.Cluster(name, backends[i].Port))],
            http => http with { NormalizePath = true, MergeSlashes = true });
        var random = new Random(11);
        var outcomes = new Dictionary<string, int>(StringComparer.Ordinal);
        await using DisposableCollection<RawHttpClient> clients = [await RawHttpClient.ConnectAsync(proxy.Port)];
        for (var i = 0; i < 3_000; i++)
        {
            var host = Choose(random, "a.test", "b.test", "x.b.test", "c.test", "unknown");
            var target = string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => Choose(random, "/a", "/b", "/ab", "/..", "/.", "//", "/%2e", "/%41", "/x")))
                + Choose(random, "", "?q=1", "?q=2");
            var method = Choose(random, "GET", "POST", "DELETE");
            string[] headers = random.Next(2) == 0 ? [] : [Choose(random, "x-kind: gold", "x-kind: silver", "X-KIND:  gold ")];

            var client = clients[^1];
            await client.SendAsync($"{method} {target} HTTP/1.1\r\nhost: {host}\r\n{string.Concat(headers.Select(static header => header + "\r\n"))}\r\n");
            var response = await client.ReadResponseAsync(method);
            if (response.Headers.Contains("connection"))
            {
                await clients.DisposeAsync();
                clients.Add(await RawHttpClient.ConnectAsync(proxy.Port));
            }

            var said = Explainer.Explain(proxy.Engine.Snapshot, ExplainRequest.Parse($"http://{host}{target}", method, headers, "test", out _)!);
            var (status, body) = said.Forward is { } forward ? (200, forward.Clusters.Single().Name) : (said.Answer!.Status, "");
            response.Status.Should().Be(status, $"{method} {host}{target} {string.Join(", ", headers)}: {ExplanationText.Of(said)}");
            if (said.Forward is not null)
            {
                response.BodyText.Should().Be(body, $"{method} {host}{target}: {ExplanationText.Of(said)}");
            }
            else if (said.Answer!.Location.Length > 0)
            {
                response.Headers["location"].Should().Be(said.Answer.Location);
            }

            outcomes[$"{status} {body}"] = outcomes.GetValueOrDefault($"{status} {body}") + 1;
        }

        outcomes.Keys.Should().BeEquivalentTo("200 one", "200 two", "200 three", "301 ", "404 ", "418 ");
    }

    [Fact]
    public async Task It_tells_all_of_a_retry_policy()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var policy = new RetryPolicy
        {
            RetryOn = RetryOn.RetriableHeaders,
            PerTryTimeout = TimeSpan.FromMilliseconds(250),
            RetriableHeaders = [new HeaderMatcher { Name = "x-again" }],
            RetriableRequestHeaders = [new HeaderMatcher { Name = "x-may" }],
            AvoidsPreviousHosts = true,
            OmittedHosts = [[new MetadataLabel("stage", "\"old\"")]],
            HostSelectionAttempts = 5,
            PriorityUpdateFrequency = 2,
        };
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("one", action => action with { RetryPolicy = policy, HedgesOnPerTryTimeout = true }), [RunningProxy.Cluster("one", backend.Port)]);

        var said = Explain(proxy, "http://b.test/");

        said.Forward!.Retry.Should().BeEquivalentTo(new ExplainedRetry
        {
            On = "retriable-headers",
            Retries = 1,
            PerTryTimeoutMs = 250,
            RetriableHeaders = ["x-again"],
            RetriableRequestHeaders = ["x-may"],
            HostPredicates = ["previous_hosts", "omit_host_metadata(stage=\"old\")"],
            HostSelectionAttempts = 5,
            PriorityUpdateFrequency = 2,
            HedgesOnPerTryTimeout = true,
        });
        ExplanationText.Of(said).Should().Contain("retry      on retriable-headers, 1 times, 250 ms an attempt, no limit without a byte\n           where a response has x-again\n")
            .And.Contain("           to hosts by previous_hosts, omit_host_metadata(stage=\"old\"), 5 times\n").And.Contain("           an attempt that takes longer goes on beside the next one\n");
    }

    [Fact]
    public async Task It_tells_who_lost_and_why_and_what_a_pick_would_choose_from()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("one", backend.Port, 1);
        cluster = cluster with { Endpoints = cluster.Endpoints.SetItem(1, cluster.Endpoints[1] with { Health = EndpointHealth.Unhealthy, Weight = 3 }) };
        await using var proxy = RunningProxy.Start(Table(Weighted), [cluster]);

        var said = Explain(proxy, "http://b.test/a?q=1", "x-kind: silver");

        said.VirtualHost.Should().Be("b");
        said.Steps.Should().Equal(
            "virtual host 'b' by exact domain 'b.test'",
            "route b[0] gold skipped: header x-kind exact 'gold' does not hold",
            "route b[1] taken: prefix '/a'");
        said.Forward!.Retry.Should().BeEquivalentTo(new ExplainedRetry { On = "5xx,connect-failure", Retries = 3, PerTryTimeoutMs = 250, HostSelectionAttempts = 1 });
        said.Forward.TimeoutMs.Should().Be(7000);
        said.Forward.Target.Should().Be("/new?q=1");
        said.Forward.Clusters.Select(static c => (c.Name, c.Percent, c.Exists, c.NotFoundStatus)).Should().Equal(("one", 25, true, 0), ("nowhere", 75, false, 404));
        said.Forward.Clusters[0].Endpoints.Select(static endpoint => (endpoint.IsCandidate, endpoint.Health, endpoint.Weight)).Should().Equal((true, "unknown", 1), (false, "unhealthy", 3));

        var text = ExplanationText.Of(said);
        text.Should().Contain("- 127.0.0.1:1 unhealthy, weight 3").And.Contain("there is no such cluster: answered with 404");
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            ExplanationJson.Write(said, json);
        }

        using var document = JsonDocument.Parse(stream.ToArray());
        document.RootElement.GetProperty("forward").GetProperty("clusters")[0].GetProperty("endpoints")[1].GetProperty("candidate").GetBoolean().Should().BeFalse();
    }

    [Fact]
    public async Task A_request_that_is_refused_says_so()
    {
        await using var proxy = RunningProxy.Start(Table(Weighted), []);
        Explain(proxy, "http://a.test/", "bad name: x").Error.Should().StartWith("the request is refused before it is routed: ");
        Explain(proxy, "http://a.test/nothing").Answer!.Status.Should().Be(404);
        ExplainRequest.Parse("http://a.test:99999/", null, [], null, out var error).Should().BeNull();
        error.Should().Be("http://a.test:99999/: 99999 is no port; write a number from 1 to 65535");
        var elsewhere = ExplainRequest.Parse("http://a.test/", null, [], "other", out _)!;
        Explainer.Explain(proxy.Engine.Snapshot, elsewhere).Error.Should().StartWith("there is no listener other; there are: test (127.0.0.1:");
    }

    private static Explanation Explain(RunningProxy proxy, string url, params string[] headers) =>
        Explainer.Explain(proxy.Engine.Snapshot, ExplainRequest.Parse(url, "GET", headers, "test", out _)!);

    private static string Choose(Random random, params string[] choices) => choices[random.Next(choices.Length)];

    private static ForwardAction Weighted => new()
    {
        Cluster = new WeightedClusters([new WeightedCluster { Name = "one", Weight = 1 }, new WeightedCluster { Name = "nowhere", Weight = 3 }]),
        ClusterNotFoundResponseCode = 404,
        PrefixRewrite = "/new",
        Timeout = TimeSpan.FromSeconds(7),
        RetryPolicy = new RetryPolicy { RetryOn = RetryOn.ServerError | RetryOn.ConnectFailure, NumRetries = 3, PerTryTimeout = TimeSpan.FromMilliseconds(250) },
    };

    private static RouteTable Table(ForwardAction ofB) => RouteTable.Compile(
        new RouteConfiguration
        {
            Name = "test",
            VirtualHosts =
            [
                new VirtualHost
                {
                    Name = "a", Domains = ["a.test"],
                    Routes = [To("/a", "one"), To("/b", "two"), Redirect("/x")],
                },
                new VirtualHost
                {
                    Name = "b", Domains = ["b.test"],
                    Routes =
                    [
                        To("/", "two") with
                        {
                            Name = "gold",
                            Match = new RouteMatch { Path = new PrefixPath("/"), Headers = [new HeaderMatcher { Name = "x-kind", Match = new HeaderString(new StringMatcher(StringMatchKind.Exact, "gold")) }] },
                        },
                        To("/a", "one") with
                        {
                            Action = ofB,
                        },
                        new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new DirectResponseAction(418) },
                    ],
                },
                new VirtualHost { Name = "c", Domains = ["*.b.test", "c.test"], Routes = [To("/a", "three"), To("/b", "one")] },
            ],
        },
        KubeProxyNet.Proxy.Config.Re2Syntax.Read);

    private static Route To(string prefix, string cluster) =>
        new() { Match = new RouteMatch { Path = new PrefixPath(prefix) }, Action = new ForwardAction { Cluster = new SingleCluster(cluster) } };

    private static Route Redirect(string prefix) =>
        new() { Match = new RouteMatch { Path = new PrefixPath(prefix) }, Action = new RedirectAction { HostRedirect = "c.test" } };
}

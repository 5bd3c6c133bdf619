using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>What a client may not say: neither routes, nor the log, nor the backend see it.</summary>
public sealed class HeaderTrustTests
{
    public static TheoryData<string> FromNobodyOutside =>
    [
        "x-envoy-internal", "x-forwarded-client-cert", "x-envoy-expected-rq-timeout-ms", "x-envoy-force-trace", "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-ip-tags", "x-envoy-max-retries", "x-envoy-original-url", "x-envoy-retriable-header-names", "x-envoy-retriable-status-codes",
        "x-envoy-retry-grpc-on", "x-envoy-retry-on", "x-envoy-upstream-alt-stat-name", "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response", "x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-stream-duration-ms",
    ];

    public static TheoryData<string> NotAtTheEdge =>
    [
        "x-envoy-decorator-operation", "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node", "x-envoy-original-host",
        "x-envoy-original-path", "x-envoy-attempt-count", "x-envoy-upstream-service-time", "x-envoy-anything", "x-envoy-original-dst-host", "x-envoy-a",
    ];

    [Theory]
    [MemberData(nameof(FromNobodyOutside))]
    public async Task A_control_header_from_outside_reaches_neither_route_nor_backend(string name)
    {
        await ExpectAsync(name, isEdge: true, arrives: false);
        await ExpectAsync(name, isEdge: false, arrives: false);
    }

    [Theory]
    [MemberData(nameof(NotAtTheEdge))]
    public async Task At_the_edge_no_header_that_is_ours_gets_in(string name)
    {
        await ExpectAsync(name, isEdge: true, arrives: false);
        await ExpectAsync(name, isEdge: false, arrives: true);
    }

    [Fact]
    public async Task The_external_address_is_ours_at_the_edge_and_theirs_behind_it()
    {
        (await EchoAsync("x-envoy-external-address: 6.6.6.6\r\n")).Headers["x-envoy-external-address"].Should().Be("127.0.0.1");
        (await EchoAsync("x-envoy-external-address: 6.6.6.6\r\n", static http => http with { UseRemoteAddress = false }))
            .Headers["x-envoy-external-address"].Should().Be("6.6.6.6");
    }

    [Fact]
    public async Task Routes_match_the_forwarded_scheme_that_the_backend_is_told()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(Answering(200, "x-forwarded-proto", "https"), Answering(201, "x-forwarded-proto", "http")), [RunningProxy.Cluster("backend", backend.Port)]);

        (await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-proto: https\r\n\r\n")).Status.Should().Be(201);
    }

    [Fact]
    public async Task Routes_match_the_forwarded_addresses_that_the_backend_is_told()
    {
        await using var proxy = RunningProxy.Start(RunningProxy.Table(Answering(200, "x-forwarded-for", "1.1.1.1,2.2.2.2,127.0.0.1")), []);

        (await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n\r\n"))
            .Status.Should().Be(200);
    }

    [Fact]
    public async Task A_redirect_has_the_scheme_that_a_trusted_proxy_forwards()
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new RedirectAction { PathRedirect = "/x" } }),
            [],
            static http => http with { XffNumTrustedHops = 1 });

        (await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-proto: https\r\n\r\n"))
            .Headers["location"].Should().Be("https://a/x");
        (await RawHttpClient.GetAsync(proxy.Port, host: "a")).Headers["location"].Should().Be("http://a/x");
    }

    [Fact]
    public async Task Connection_cannot_strip_what_says_who_the_client_is()
    {
        const string Ours = "x-forwarded-for, x-forwarded-proto, x-envoy-external-address, x-request-id, x-forwarded-host, x-forwarded-port, x-envoy-attempt-count, via, host, x-hop";

        var edge = await EchoAsync($"connection: {Ours}\r\nx-forwarded-host: h\r\nx-forwarded-port: 1\r\nx-hop: 1\r\n", static http => http with { Via = "1.1 us" });
        var behind = await EchoAsync(
            $"connection: {Ours}\r\nx-forwarded-for: 1.1.1.1\r\nx-envoy-external-address: 1.1.1.1\r\nx-envoy-attempt-count: 2\r\nx-hop: 1\r\n",
            static http => http with { UseRemoteAddress = false });

        foreach (var name in new[] { "x-forwarded-for", "x-forwarded-proto", "x-envoy-external-address", "x-request-id", "x-forwarded-host", "x-forwarded-port", "via", "host" })
        {
            edge.Headers[name].Should().NotBeNull("{0} stays", name);
        }

        foreach (var name in new[] { "x-forwarded-for", "x-forwarded-proto", "x-envoy-external-address", "x-request-id", "x-envoy-attempt-count", "host" })
        {
            behind.Headers[name].Should().NotBeNull("{0} stays", name);
        }

        edge.Headers.Contains("x-hop").Should().BeFalse();
        behind.Headers.Contains("x-hop").Should().BeFalse();
    }

    [Fact]
    public async Task A_route_can_still_change_what_is_ours()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(new Route
            {
                Match = new RouteMatch { Path = new PrefixPath("/") },
                Action = new ForwardAction { Cluster = new SingleCluster("backend") },
                RequestHeaders = new HeaderRules
                {
                    Remove = ["x-envoy-external-address", "x-forwarded-proto"],
                    Add =
                    [
                        new HeaderValueOption { Name = "x-forwarded-for", Value = "0.0.0.0", AppendAction = HeaderAppendAction.OverwriteIfExistsOrAdd },
                        new HeaderValueOption { Name = "x-request-id", Value = "r", AppendAction = HeaderAppendAction.AddIfAbsent },
                        new HeaderValueOption { Name = "x-envoy-retry-on", Value = "5xx", AppendAction = HeaderAppendAction.AddIfAbsent },
                    ],
                },
            }),
            [RunningProxy.Cluster("backend", backend.Port)]);

        var echoed = EchoedRequest.From(await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nx-envoy-retry-on: theirs\r\n\r\n"));

        echoed.Headers.Contains("x-envoy-external-address").Should().BeFalse();
        echoed.Headers.Contains("x-forwarded-proto").Should().BeFalse();
        echoed.Headers["x-forwarded-for"].Should().Be("0.0.0.0");
        echoed.Headers["x-request-id"].Should().HaveLength(36);
        echoed.Headers["x-envoy-retry-on"].Should().Be("5xx");
    }

    [Fact]
    public async Task Underscores_are_let_through_dropped_or_refused()
    {
        const string Fields = "x_a: 1\r\nx-b: 2\r\nX_Forwarded_For: 3\r\nx-c: 4\r\n";

        (await EchoAsync(Fields)).Headers["x_a"].Should().Be("1");

        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using (var dropping = RunningProxy.To(backend.Port, static http => http with { HeadersWithUnderscores = HeadersWithUnderscoresAction.DropHeader }))
        {
            var echoed = EchoedRequest.From(await RawHttpClient.ExchangeAsync(dropping.Port, $"GET / HTTP/1.1\r\nhost: a\r\n{Fields}\r\n"));
            echoed.Headers.Select(static field => field.Name).Should().Contain(["x-b", "x-c"]).And.NotContain(static name => name.Contains('_'));
            dropping.Stat("http1.dropped_headers_with_underscores").Should().Be(2);
        }

        await using var refusing = RunningProxy.To(backend.Port, static http => http with { HeadersWithUnderscores = HeadersWithUnderscoresAction.RejectRequest });
        await using var client = await RawHttpClient.ConnectAsync(refusing.Port);
        await client.SendAsync($"GET / HTTP/1.1\r\nhost: a\r\n{Fields}\r\n");
        (await client.ReadResponseAsync()).Status.Should().Be(400);
        await client.WaitForEndAsync();
        (await refusing.LogAsync()).Should().Contain(" 400 DPE http1.unexpected_underscore ");
        refusing.Stat("http1.requests_rejected_with_underscores_in_headers").Should().Be(1);
    }

    [Fact]
    public async Task The_upstream_is_told_the_path_before_a_rewrite()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var table = RunningProxy.Table(new Route
        {
            Match = new RouteMatch { Path = new PrefixPath("/a") },
            Action = new ForwardAction { Cluster = new SingleCluster("backend"), PrefixRewrite = "/b" },
        });
        await using var proxy = RunningProxy.Start(table, [RunningProxy.Cluster("backend", backend.Port)], static http => http with { UseRemoteAddress = false });
        await using var silent = RunningProxy.Start(table, [RunningProxy.Cluster("backend", backend.Port)], static http => http with { SuppressEnvoyHeaders = true });

        var echoed = EchoedRequest.From(await RawHttpClient.ExchangeAsync(proxy.Port, "GET /a/c?d HTTP/1.1\r\nhost: h\r\nx-envoy-original-path: /theirs\r\n\r\n"));

        echoed.Target.Should().Be("/b/c?d");
        echoed.Headers["x-envoy-original-path"].Should().Be("/a/c?d");
        EchoedRequest.From(await RawHttpClient.GetAsync(silent.Port, "/a")).Headers.Contains("x-envoy-original-path").Should().BeFalse();
    }

    [Fact]
    public async Task A_target_that_asks_for_https_in_plain_text_is_refused()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);

        (await RawHttpClient.ExchangeAsync(proxy.Port, "GET https://a/ HTTP/1.1\r\nhost: a\r\n\r\n")).Status.Should().Be(400);
        (await proxy.LogAsync()).Should().Contain(" 400 - http1.invalid_scheme ");
    }

    [Fact]
    public async Task An_expectation_may_be_left_to_the_upstream()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Continue());
        await using var proxy = RunningProxy.To(backend.Port, static http => http with { Proxy100Continue = true });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
        (await client.ReadHeadAsync()).Status.Should().Be(100);
        await client.SendAsync("ok");

        (await client.ReadResponseAsync()).Status.Should().Be(200);
    }

    private static Route Answering(int status, string name, string value) => new()
    {
        Match = new RouteMatch { Path = new PrefixPath("/"), Headers = [new HeaderMatcher { Name = name, Match = new HeaderString(StringMatcher.Exact(value)) }] },
        Action = new DirectResponseAction(status),
    };

    private static async Task ExpectAsync(string name, bool isEdge, bool arrives)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(
                new Route
                {
                    Match = new RouteMatch { Path = new PrefixPath("/"), Headers = [new HeaderMatcher { Name = name, Match = new PresentHeader(true) }] },
                    Action = new ForwardAction { Cluster = new SingleCluster("backend"), PrefixRewrite = "/seen" },
                },
                new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } }),
            [RunningProxy.Cluster("backend", backend.Port)],
            http => http with { UseRemoteAddress = isEdge, SuppressEnvoyHeaders = true });

        var echoed = EchoedRequest.From(await RawHttpClient.ExchangeAsync(
            proxy.Port, $"GET / HTTP/1.1\r\nhost: a\r\nx-b: 1\r\n{name}: theirs\r\n{name.ToUpperInvariant()}: too\r\nx-c: 2\r\n\r\n"));

        echoed.Target.Should().Be(arrives ? "/seen" : "/", "of {0}", name);
        echoed.Headers.All(name).Should().HaveCount(arrives ? 2 : 0);
        echoed.Headers["x-b"].Should().Be("1");
        echoed.Headers["x-c"].Should().Be("2");
    }

    private static async Task<EchoedRequest> EchoAsync(string fields, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? configure = null)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port, configure ?? (static http => http));
        return EchoedRequest.From(await RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\nhost: example.com\r\n{fields}\r\n"));
    }
}

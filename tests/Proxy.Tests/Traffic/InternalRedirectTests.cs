using AwesomeAssertions;
using KubeProxyNet.Proxy.Explain;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Redirects of upstreams that are followed here (Envoy documentation, "Internal redirects").</summary>
public sealed class InternalRedirectTests
{
    private const string Get = "GET /first?q HTTP/1.1\r\nhost: a.test\r\nx-mine: 1\r\nx-old: gone\r\nconnection: close\r\n\r\n";

    private static readonly InternalRedirectPolicy Once = new();

    /// <summary>A backend that redirects what begins with /first to a location, and echoes the rest.</summary>
    private static ScriptedBackend Redirecting(string location, int status = 302, string headers = "") => ScriptedBackend.Start(BackendScripts.EachRequest((connection, request) =>
        connection.SendAsync(request.Target.StartsWith("/first", StringComparison.Ordinal)
            ? $"HTTP/1.1 {status} Found\r\nlocation: {location}\r\n{headers}content-length: 4\r\n\r\ngone"
            : $"HTTP/1.1 200 OK\r\ncontent-length: {request.Target.Length}\r\n\r\n{request.Target}")));

    private static Route Route(string prefix, InternalRedirectPolicy? policy, string cluster = "backend", string name = "") => new()
    {
        Name = name,
        Match = new RouteMatch { Path = new PrefixPath(prefix) },
        Action = new ForwardAction { Cluster = new SingleCluster(cluster), InternalRedirects = policy },
    };

    private static RunningProxy Start(int port, InternalRedirectPolicy policy, params Route[] more) => RunningProxy.Start(
        RunningProxy.Table([.. more, Route("/first", policy, name: "first"), Route("/second", null, name: "second")]), [RunningProxy.Cluster("backend", port)]);

    [Fact]
    public async Task A_redirect_is_followed_and_the_client_sees_only_where_it_leads()
    {
        await using var backend = Redirecting("http://b.test:81/second?r#part");
        await using var proxy = Start(backend.Port, Once);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, Get);

        response.Status.Should().Be(200);
        response.BodyText.Should().Be("/second?r");
        var second = backend.Requests[1];
        second.Method.Should().Be("GET");
        second.Headers["host"].Should().Be("b.test:81");
        second.Headers["x-mine"].Should().Be("1");
        second.Headers["x-envoy-original-url"].Should().Be("http://a.test/first?q");
        second.Headers["x-forwarded-for"].Should().Be("127.0.0.1");
        second.Headers["x-request-id"].Should().Be(backend.Requests[0].Headers["x-request-id"]);
        backend.Connections.Should().ContainSingle("the connection of the redirect is used again");
        proxy.Stat("cluster.backend.upstream_internal_redirect_succeeded_total").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_internal_redirect_failed_total").Should().Be(0);
        proxy.Stat("cluster.backend.upstream_rq_total").Should().Be(2);
        proxy.Stat("http.test.downstream_rq_total").Should().Be(2);
        (await proxy.LogLinesAsync(2)).Should().Equal("GET /first?q 302 - internal_redirect 0 0", "GET /second?r 200 - via_upstream 0 9");
        var said = Explainer.Explain(proxy.Engine.Snapshot, ExplainRequest.Parse("http://a.test/first", "GET", [], "test", out _)!);
        ExplanationText.Of(said).Should().Contain("redirects  302 of the upstream are followed here, at most 1 of them");
    }

    /// <summary>What the upstream says and the client has, and the counter that tells why the redirect was passed on.</summary>
    [Theory]
    [InlineData(302, "/second", "bad_location")]
    [InlineData(302, "ftp://b.test/second", "bad_location")]
    [InlineData(302, "http://user@b.test/second", "bad_location")]
    [InlineData(302, "http://b.test/sec ond", "bad_location")]
    [InlineData(302, "http:///second", "bad_location")]
    [InlineData(302, "https://b.test/second", "unsafe_scheme")]
    [InlineData(302, "http://b.test/third", "no_route")]
    [InlineData(301, "http://b.test/second", null)]
    public async Task What_cannot_be_followed_goes_to_the_client(int status, string location, string? reason)
    {
        await using var backend = Redirecting(location, status);
        await using var proxy = Start(backend.Port, Once);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, Get);

        response.Status.Should().Be(status);
        response.Headers["location"].Should().Be(location);
        response.BodyText.Should().Be("gone");
        backend.Requests.Should().ContainSingle();
        proxy.Stat("cluster.backend.upstream_internal_redirect_failed_total").Should().Be(reason is null ? 0 : 1);
        foreach (var name in (string[])["bad_location", "unsafe_scheme", "no_route", "too_many_redirects", "predicate"])
        {
            proxy.Stat($"http.test.passthrough_internal_redirect_{name}").Should().Be(name == reason ? 1 : 0, name);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(0)]
    public async Task No_more_are_followed_than_may_be(int most)
    {
        await using var backend = Redirecting("http://b.test/first");
        await using var proxy = Start(backend.Port, Once with { MaxInternalRedirects = most });

        (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(302);

        backend.Requests.Should().HaveCount(most + 1);
        proxy.Stat("http.test.passthrough_internal_redirect_too_many_redirects").Should().Be(1);
        (await proxy.LogLinesAsync(most + 1))[most].Should().StartWith("GET /first 302 - via_upstream".Replace("/first", most == 0 ? "/first?q" : "/first"));
    }

    [Fact]
    public async Task Predicates_judge_the_route_of_the_target()
    {
        await using var backend = Redirecting("http://b.test/first");
        await using (var proxy = Start(backend.Port, Once with { MaxInternalRedirects = 9, Predicates = [new PreviousRoutesPredicate()] }))
        {
            (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(302);
            backend.Requests.Should().HaveCount(2);
            proxy.Stat("http.test.passthrough_internal_redirect_predicate").Should().Be(1);
        }

        await using var other = Redirecting("http://b.test/second");
        await using (var proxy = Start(other.Port, Once with { Predicates = [new AllowListedRoutesPredicate(["third"])] }))
        {
            (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(302);
        }

        await using (var proxy = Start(other.Port, Once with { Predicates = [new AllowListedRoutesPredicate(["third", "second"]), new SafeCrossSchemePredicate()] }))
        {
            (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(200);
        }
    }

    [Fact]
    public async Task Another_scheme_needs_leave_and_may_still_be_judged()
    {
        await using var backend = Redirecting("https://b.test/second");
        await using (var proxy = Start(backend.Port, Once with { AllowsCrossSchemeRedirect = true }))
        {
            (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(200);
        }

        await using (var proxy = Start(backend.Port, Once with { AllowsCrossSchemeRedirect = true, Predicates = [new SafeCrossSchemePredicate()] }))
        {
            (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(302);
        }
    }

    [Fact]
    public async Task Headers_of_the_redirect_are_copied()
    {
        await using var backend = Redirecting("http://b.test/second", headers: "x-new: 1\r\nx-new: 2\r\n");
        await using var proxy = Start(backend.Port, Once with { ResponseHeadersToCopy = ["X-New", "x-old", "x-never"] });

        (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(200);

        backend.Requests[1].Headers.All("x-new").Should().Equal("1", "2");
        backend.Requests[1].Headers.Contains("x-old").Should().BeFalse();
    }

    /// <summary>Status, whether the body comes with the head, what the second request is.</summary>
    [Theory]
    [InlineData(307, false, "POST", "hello")]
    [InlineData(307, true, "POST", "hello")]
    [InlineData(303, false, "GET", "")]
    [InlineData(303, true, "GET", "")]
    public async Task A_body_is_sent_again_and_a_303_becomes_a_get(int status, bool isSplit, string method, string body)
    {
        await using var backend = Redirecting("http://b.test/second", status);
        await using var proxy = Start(backend.Port, Once with { ResponseCodes = [303, 307] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n" + (isSplit ? "" : "hello"));
        if (isSplit)
        {
            await backend.WaitForConnectionAsync(1);
            await client.SendAsync("hello");
        }

        var response = await client.ReadResponseAsync();
        await client.SendAsync("GET /second HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        (await client.ReadResponseAsync()).Status.Should().Be(200, "the client's connection goes on");

        response.Status.Should().Be(200);
        backend.Requests[1].Method.Should().Be(method);
        backend.Requests[1].BodyText.Should().Be(body);
        backend.Requests[1].Headers.Contains("content-length").Should().Be(body.Length > 0);
    }

    [Fact]
    public async Task A_body_too_long_to_be_kept_is_sent_once()
    {
        await using var backend = Redirecting("http://b.test/second", 307);
        await using var proxy = Start(backend.Port, Once with { ResponseCodes = [307] });
        var body = new string('x', (1024 * 1024) + 1);

        (await RawHttpClient.ExchangeAsync(proxy.Port, $"POST /first HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {body.Length}\r\n\r\n{body}")).Status.Should().Be(307);

        proxy.Stat("cluster.backend.retry_or_shadow_abandoned").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_internal_redirect_failed_total").Should().Be(1);
    }

    [Fact]
    public async Task The_target_may_be_answered_by_the_proxy_and_is_normalised_like_a_request()
    {
        await using var backend = Redirecting("http://b.test/x/../own//page");
        var own = new Route { Match = new RouteMatch { Path = new ExactPath("/own/page") }, Action = new DirectResponseAction(299, "own"u8.ToArray()) };
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(Route("/first", Once), own), [RunningProxy.Cluster("backend", backend.Port)], static http => http with { NormalizePath = true, MergeSlashes = true });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, Get);

        response.Status.Should().Be(299);
        response.BodyText.Should().Be("own");
    }

    /// <summary>Status of the redirect, what the second request and its copy carry.</summary>
    [Theory]
    [InlineData(307, "POST", "hello world")]
    [InlineData(303, "GET", "")]
    public async Task A_buffered_body_is_redirected_and_mirrored_whole(int status, string method, string body)
    {
        await using var backend = Redirecting("http://b.test/second", status);
        await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(200));
        var second = Route("/second", null);
        second = second with { Action = (ForwardAction)second.Action with { MirrorPolicies = [new RequestMirrorPolicy { Cluster = "mirror" }] } };
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(Route("/first", Once with { ResponseCodes = [303, 307] }), second),
            [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port)],
            static http => http with { Filters = [new BufferFilterConfig("buffer", 100)] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST /first HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhello \r\n");
        await Patience.UntilAsync(() => Task.FromResult(proxy.Stat("http.test.downstream_rq_active") == 1), "the request");
        await client.SendAsync("5\r\nworld\r\n0\r\n\r\n");

        (await client.ReadResponseAsync()).Status.Should().Be(200);

        var copy = (await mirror.WaitForRequestsAsync(1))[0];
        foreach (var request in (RawRequest[])[backend.Requests[1], copy])
        {
            request.Method.Should().Be(method);
            request.BodyText.Should().Be(body);
            request.Headers.Contains("transfer-encoding").Should().BeFalse();
        }

        await Patience.UntilAsync(() => Task.FromResult(proxy.Stat("cluster.mirror.upstream_rq_200") == 1), "the end of the copy");
    }

    [Fact]
    public async Task Steady_redirects_leave_nothing_behind()
    {
        await using var backend = Redirecting("http://b.test/second");
        await using var proxy = Start(backend.Port, Once);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            for (var i = 0; i < 200; i++)
            {
                await client.SendAsync(i % 2 == 0 ? "GET /first HTTP/1.1\r\nhost: a\r\n\r\n" : "GET /second HTTP/1.1\r\nhost: a\r\n\r\n");
                (await client.ReadResponseAsync()).BodyText.Should().Be("/second");
            }
        }

        await Patience.UntilAsync(() => Task.FromResult(proxy.Stat("http.test.downstream_rq_active") == 0), "the end of all requests");
        proxy.Stat("cluster.backend.upstream_rq_active").Should().Be(0);
    }
}

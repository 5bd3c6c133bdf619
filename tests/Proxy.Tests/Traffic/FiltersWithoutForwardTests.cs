using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Tests.Grpc;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>HTTP filters run on every request, as in Envoy: also on one that a route answers, and on one that has no route.</summary>
public sealed class FiltersWithoutForwardTests
{
    private const string Buffer = "envoy.filters.http.buffer";

    [Theory]
    [InlineData("/none")]
    [InlineData("/direct")]
    [InlineData("/redirect")]
    [InlineData("/non-forwarding")]
    public async Task A_body_that_is_too_long_is_refused_before_the_answer(string path)
    {
        await using var proxy = Start(new BufferFilterConfig(Buffer, 10));

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, $"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n01234567890", "POST");

        response.Status.Should().Be(413);
        (await proxy.LogAsync()).Should().StartWith($"POST {path} 413 - request_payload_too_large ");
        proxy.Stat("http.test.no_route").Should().Be(0, "the filter answered before anybody asked for the route");
    }

    [Theory]
    [InlineData("/none", 404, "NR", "route_not_found")]
    [InlineData("/non-forwarding", 404, "NR", "route_not_found")]
    [InlineData("/direct", 201, "-", "direct_response")]
    [InlineData("/redirect", 301, "-", "direct_response")]
    public async Task What_fits_is_answered_when_it_is_whole_and_the_connection_goes_on(string path, int status, string flags, string details)
    {
        await using var proxy = Start(new BufferFilterConfig(Buffer, 10));
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync($"POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
        await Patience.UntilAsync(() => proxy.Stat("http.test.downstream_rq_active") == 1, "the request's head");
        await client.SendAsync("2\r\nde\r\n0\r\n\r\n");

        (await client.ReadResponseAsync("POST")).Status.Should().Be(status);
        (await proxy.LogAsync()).Should().StartWith($"POST {path} {status} {flags} {details} 5 ");
        await client.SendAsync("GET /direct HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Status.Should().Be(201);
    }

    [Fact]
    public async Task A_body_that_stops_is_an_error_of_the_client_and_not_404()
    {
        await using var proxy = Start(new BufferFilterConfig(Buffer, 100));
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("POST /none HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\nabc");
            await Patience.UntilAsync(() => proxy.Stat("http.test.downstream_rq_active") == 1, "the request's head");
        }

        (await proxy.LogAsync()).Should().StartWith("POST /none 0 DC ");
    }

    [Fact]
    public async Task A_filter_that_is_disabled_by_default_stays_so_without_a_route()
    {
        await using var proxy = Start(new BufferFilterConfig(Buffer, 10) { Disabled = true });

        (await RawHttpClient.ExchangeAsync(proxy.Port, "POST /none HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n01234567890", "POST")).Status.Should().Be(404);
        await Patience.UntilAsync(() => proxy.Stat("http.test.no_route") == 1, "the count");
    }

    [Theory]
    [InlineData("/none", 404, null, null)]
    [InlineData("/direct", 201, "2", "made here")]
    public async Task A_browser_gets_an_answer_of_the_proxy_as_it_understands_it(string path, int status, string? code, string? message)
    {
        await using var proxy = Start(new GrpcWebConfig("web"));

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(path: path, type: "application/grpc-web+proto", body: "\0\0\0\0\0"), "POST");

        response.Status.Should().Be(status);
        response.Headers["content-type"].Should().Be("application/grpc-web+proto");
        response.Headers["grpc-status"].Should().Be(code);
        response.Headers["grpc-message"].Should().Be(message);
        response.BodyText.Should().BeEmpty();
    }

    [Fact]
    public async Task A_call_without_a_route_is_told_so_and_counts_for_no_cluster()
    {
        await using var proxy = Start(new GrpcStatsConfig("stats") { CountsAllMethods = true });

        var response = await GrpcTraffic.CallAsync(proxy.Port, path: "/none");

        response.Status.Should().Be(200);
        response.Headers["grpc-status"].Should().Be("12");
        proxy.Stats.Collect().Values.Should().NotContain(static value => value.Name.Contains(".grpc.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Sessions_leave_an_answer_without_an_endpoint_alone()
    {
        await using var proxy = Start(new StatefulSessionConfig("session", new StatefulSession(new CookieSessionState("s"), IsStrict: true)));

        var response = await RawHttpClient.GetAsync(proxy.Port, "/none");

        response.Status.Should().Be(404);
        response.Headers.Contains("set-cookie").Should().BeFalse();
    }

    private static RunningProxy Start(HttpFilterConfig filter) => RunningProxy.Start(
        RunningProxy.Table(
            Route("/direct", new DirectResponseAction(201, "made here"u8.ToArray())), Route("/redirect", new RedirectAction { HostRedirect = "b" }), Route("/non-forwarding", new NonForwardingAction())),
        [],
        http => http with { Filters = [filter] });

    private static Route Route(string path, RouteAction action) => new() { Match = new RouteMatch { Path = new ExactPath(path) }, Action = action };
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>The buffer filter (Envoy documentation, "Buffer"): nothing goes upstream before the body is whole, and no body that is too long.</summary>
public sealed class BufferFilterTests
{
    private const string Name = "envoy.filters.http.buffer";

    [Fact]
    public async Task A_request_goes_upstream_when_its_body_is_whole_and_with_its_length()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Buffering(backend.Port, 100);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
        await Patience.UntilAsync(() => proxy.Stat("http.test.downstream_rq_active") == 1, "the request's head");
        backend.Connections.Should().BeEmpty();
        await client.SendAsync("2\r\nde\r\n0\r\n\r\n");
        await client.ReadResponseAsync("POST");

        var request = backend.Requests.Should().ContainSingle().Subject;
        request.Headers["content-length"].Should().Be("5");
        request.Headers.Contains("transfer-encoding").Should().BeFalse();
        request.BodyText.Should().Be("abcde");
        (await proxy.LogAsync()).Should().StartWith("POST / 200 - via_upstream 5 ");
    }

    [Theory]
    [InlineData("content-length: 11\r\n\r\n")]
    [InlineData("content-length: 11\r\n\r\n01234567890")]
    [InlineData("transfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n")]
    [InlineData("transfer-encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n678901\r\n")]
    public async Task A_body_that_is_too_long_is_refused_and_never_sent(string rest)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Buffering(backend.Port, 10);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "POST / HTTP/1.1\r\nhost: a\r\n" + rest, "POST");

        response.Status.Should().Be(413);
        response.BodyText.Should().Be("Payload Too Large");
        backend.Connections.Should().BeEmpty();
        (await proxy.LogAsync()).Should().StartWith("POST / 413 - request_payload_too_large ");
        proxy.Stat("http.test.downstream_rq_too_large").Should().Be(1);
    }

    [Fact]
    public async Task A_body_in_pieces_is_refused_with_the_piece_that_is_too_much()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Buffering(backend.Port, 10);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        await client.SendByteByByteAsync("6\r\n012345\r\n6\r\n678901\r\n");

        (await client.ReadResponseAsync("POST")).Status.Should().Be(413);
        backend.Connections.Should().BeEmpty();
    }

    [Fact]
    public async Task A_buffered_request_is_sent_again_with_its_body()
    {
        var body = new string('x', 2_000_000);
        var requests = 0;
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest((connection, request) =>
            connection.SendAsync(Interlocked.Increment(ref requests) == 1
                ? "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"
                : $"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{request.Body.Length}")));
        var table = RunningProxy.Everything("backend", static action => action with { RetryPolicy = new RetryPolicy { RetryOn = RetryOn.ServerError } });
        await using var proxy = RunningProxy.Start(table, [RunningProxy.Cluster("backend", backend.Port)], static http => http with { Filters = [new BufferFilterConfig(Name, 3_000_000)] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n\r\n");
        await client.SendAsync(body);

        (await client.ReadResponseAsync("POST")).BodyText.Should().Be("2000000");
        backend.Requests.Should().HaveCount(2);
    }

    [Theory]
    [InlineData("/off", 200)]
    [InlineData("/more", 200)]
    [InlineData("/as-configured", 413)]
    public async Task A_route_says_otherwise(string path, int status)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var table = RunningProxy.Table(
            Route("/off", new RouteFilterConfig(Name, Disabled: true, null)),
            Route("/more", new RouteFilterConfig(Name, Disabled: false, new BufferRouteSettings(100))),
            Route("/", new RouteFilterConfig("another", Disabled: true, null)));
        await using var proxy = RunningProxy.Start(table, [RunningProxy.Cluster("backend", backend.Port)], static http => http with { Filters = [new BufferFilterConfig(Name, 10)] });

        (await RawHttpClient.ExchangeAsync(proxy.Port, $"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n01234567890", "POST")).Status.Should().Be(status);
    }

    [Theory]
    [InlineData("/direct", "01234567890", 413)]
    [InlineData("/direct", "0123456789", 200)]
    [InlineData("/direct", "", 200)]
    [InlineData("/moved", "01234567890", 413)]
    [InlineData("/moved", "0123456789", 301)]
    [InlineData("/off", "01234567890", 200)]
    public async Task Routes_that_the_proxy_answers_itself_are_answered_behind_the_filter(string path, string body, int status)
    {
        Route Answered(string at, RouteAction action, params RouteFilterConfig[] filters) => new() { Match = new RouteMatch { Path = new PrefixPath(at) }, Action = action, FilterConfigs = [.. filters] };
        var table = RunningProxy.Table(
            Answered("/direct", new DirectResponseAction(200, "hello"u8.ToArray())),
            Answered("/off", new DirectResponseAction(200, "hello"u8.ToArray()), new RouteFilterConfig(Name, Disabled: true, null)),
            Answered("/moved", new RedirectAction { HostRedirect = "b" }));
        await using var proxy = RunningProxy.Start(table, [], static http => http with { Filters = [new BufferFilterConfig(Name, 10)] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync($"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n\r\n");
        await client.SendAsync(body);

        var response = await client.ReadResponseAsync("POST");
        response.Status.Should().Be(status);
        if (status == 301)
        {
            response.Headers["location"].Should().Be("http://b/moved");
        }

        if (status != 413 && path != "/off")
        {
            // The filter has read the body: the connection serves the next request.
            await client.SendAsync("GET /direct HTTP/1.1\r\nhost: a\r\n\r\n");
            (await client.ReadResponseAsync()).BodyText.Should().Be("hello");
        }
    }

    [Fact]
    public async Task A_direct_response_waits_for_the_whole_body()
    {
        var table = RunningProxy.Table(new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new DirectResponseAction(200, "hello"u8.ToArray()) });
        await using var proxy = RunningProxy.Start(table, [], static http => http with { Filters = [new BufferFilterConfig(Name, 10)] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        await client.SendByteByByteAsync("6\r\n012345\r\n6\r\n678901\r\n");

        (await client.ReadResponseAsync("POST")).Status.Should().Be(413);
        (await proxy.LogAsync()).Should().StartWith("POST / 413 - request_payload_too_large ");
    }

    [Theory]
    [InlineData("/on", 413)]
    [InlineData("/", 200)]
    public async Task A_filter_that_is_disabled_acts_for_routes_that_name_it(string path, int status)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var table = RunningProxy.Table(Route("/on", new RouteFilterConfig(Name, Disabled: false, null)), Route("/"));
        await using var proxy = RunningProxy.Start(
            table, [RunningProxy.Cluster("backend", backend.Port)], static http => http with { Filters = [new BufferFilterConfig(Name, 10) { Disabled = true }] });

        (await RawHttpClient.ExchangeAsync(proxy.Port, $"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n01234567890", "POST")).Status.Should().Be(status);
    }

    [Fact]
    public async Task A_client_that_leaves_inside_its_body_never_reaches_a_backend()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Buffering(backend.Port, 100);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\nabc");
            await Patience.UntilAsync(() => proxy.Stat("http.test.downstream_rq_active") == 1, "the request's head");
        }

        (await proxy.LogAsync()).Should().StartWith("POST / 0 DC ");
        backend.Connections.Should().BeEmpty();
    }

    private static RunningProxy Buffering(int port, int bytes) => RunningProxy.To(port, http => http with { Filters = [new BufferFilterConfig(Name, bytes)] });

    private static Route Route(string prefix, params RouteFilterConfig[] filters) => new()
    {
        Match = new RouteMatch { Path = new PrefixPath(prefix) },
        Action = new ForwardAction { Cluster = new SingleCluster("backend") },
        FilterConfigs = [.. filters],
    };
}

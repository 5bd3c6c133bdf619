using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>The file system buffer (Envoy documentation, "File System Buffer") as far as memory goes: messages are held until they are whole, and have a longest length.</summary>
public sealed class FileSystemBufferTests
{
    private const string Name = "envoy.filters.http.file_system_buffer";
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    private const string Chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

    [Theory]
    [InlineData(BufferBehavior.StreamWhenPossible, null)]
    [InlineData(BufferBehavior.Bypass, null)]
    [InlineData(BufferBehavior.InjectContentLengthIfNecessary, "5")]
    [InlineData(BufferBehavior.FullyBufferAndAlwaysInjectContentLength, "5")]
    [InlineData(BufferBehavior.FullyBuffer, null)]
    public async Task A_response_without_length_gets_one_where_the_behavior_says_so(BufferBehavior behavior, string? length)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["abc", "de"]));
        await using var proxy = Responses(backend.Port, behavior);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.BodyText.Should().Be("abcde");
        response.Headers["content-length"].Should().Be(length);
        response.Headers.Contains("transfer-encoding").Should().Be(length is null);
        (await proxy.LogAsync()).Should().Be("GET / 200 - via_upstream 0 5");
    }

    [Theory]
    [InlineData(BufferBehavior.StreamWhenPossible, 200)]
    [InlineData(BufferBehavior.Bypass, 200)]
    [InlineData(BufferBehavior.InjectContentLengthIfNecessary, 503)]
    [InlineData(BufferBehavior.FullyBufferAndAlwaysInjectContentLength, 503)]
    [InlineData(BufferBehavior.FullyBuffer, 503)]
    public async Task The_client_gets_nothing_before_the_response_is_whole(BufferBehavior behavior, int status)
    {
        // What is cut tells whether anything was passed on before its end.
        await using var backend = ScriptedBackend.Start(BackendScripts.CloseMidChunks());
        await using var proxy = Responses(backend.Port, behavior);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Get);

        (await client.ReadHeadAsync()).Status.Should().Be(status);
        (await proxy.LogAsync()).Should().StartWith($"GET / {status} UC ");
    }

    [Fact]
    public async Task A_response_with_a_length_goes_on_as_it_comes_where_one_is_only_injected()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.CloseMidBody(100, 10));
        await using var proxy = Responses(backend.Port, BufferBehavior.InjectContentLengthIfNecessary);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Get);

        (await client.ReadHeadAsync()).Headers["content-length"].Should().Be("100");
        await client.ReadBytesAsync(10);
        (await client.WaitForEndAsync()).Should().NotBe(ConnectionEnd.Reset);
    }

    [Theory]
    [InlineData("content-length: 11\r\n\r\n01234567890")]
    [InlineData("content-length: 11\r\n\r\n")]
    [InlineData("transfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n")]
    [InlineData("transfer-encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n678901\r\n")]
    public async Task A_response_that_is_too_long_is_answered_500_and_the_client_is_served_on(string rest)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\n" + rest), BackendScripts.Answer(200, "0123456789")));
        await using var proxy = Responses(backend.Port, BufferBehavior.FullyBuffer, 10);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Get);
        var response = await client.ReadResponseAsync();
        await client.SendAsync(Get);
        var next = await client.ReadResponseAsync();

        response.Status.Should().Be(500);
        response.BodyText.Should().Be("buffer limit exceeded");
        next.BodyText.Should().Be("0123456789", "what is as long as it may be passes");
        (await proxy.LogLinesAsync(2)).Should().Equal("GET / 500 - response_payload_too_large 0 21", "GET / 200 - via_upstream 0 10");
        proxy.Stat("http.test.rs_too_large").Should().Be(1);
        backend.Connections.Should().HaveCount(2, "the connection of a response that was not read to its end is not used again");
    }

    [Fact]
    public async Task The_endpoint_is_free_again_before_a_slow_client_has_taken_what_was_held()
    {
        const int Length = 16 * 1024 * 1024;
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static (connection, request) =>
            connection.SendAsync(request.Target == "/" ? $"HTTP/1.1 200 OK\r\ncontent-length: {Length}\r\n\r\n{new string('x', Length)}" : "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nsmall")));
        await using var proxy = Responses(backend.Port, BufferBehavior.FullyBuffer, Length);
        await using var slow = await RawHttpClient.ConnectAsync(proxy.Port, receiveBuffer: 4096);

        await slow.SendAsync(Get);
        (await slow.ReadHeadAsync()).Headers["content-length"].Should().Be("16777216");
        var other = await RawHttpClient.GetAsync(proxy.Port, "/small");

        other.BodyText.Should().Be("small");
        backend.Connections.Should().ContainSingle("the endpoint was done with the first response, though the client had taken next to nothing of it");
        (await slow.ReadBytesAsync(Length)).Should().OnlyContain(static b => b == 'x');
    }

    [Fact]
    public async Task A_client_that_leaves_while_its_response_is_held_leaves_nothing_behind()
    {
        var began = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, _) =>
        {
            await connection.SendAsync(Chunked + "3\r\nabc\r\n");
            began.Set();
            await Task.Delay(Timeout.Infinite, connection.Stopping);
        }));
        await using var proxy = Responses(backend.Port, BufferBehavior.FullyBuffer);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Get);
        await began.WaitAsync();
        client.Reset();

        (await proxy.LogAsync()).Should().StartWith("GET / 0 DC downstream_remote_disconnect ");
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", "100")]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n\r\n", null)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n", "100")]
    [InlineData("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "0")]
    public async Task What_has_no_body_passes_whatever_it_says_of_one(string method, string answer, string? length)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw(answer));
        await using var proxy = Responses(backend.Port, BufferBehavior.FullyBufferAndAlwaysInjectContentLength, 10);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, $"{method} / HTTP/1.1\r\nhost: a\r\n\r\n", method);

        response.Status.Should().Be(int.Parse(answer.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture));
        response.Headers["content-length"].Should().Be(length);
    }

    [Fact]
    public async Task A_body_that_ends_with_its_connection_and_one_byte_by_byte_are_held_too()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            BackendScripts.UntilClose("abcde"), BackendScripts.Slowly("HTTP/1.1 200 OK\r\nx-slow: yes\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")));
        await using var proxy = Responses(backend.Port, BufferBehavior.FullyBufferAndAlwaysInjectContentLength);

        var first = await RawHttpClient.GetAsync(proxy.Port);
        var second = await RawHttpClient.GetAsync(proxy.Port);

        first.Headers["content-length"].Should().Be("5");
        first.BodyText.Should().Be("abcde");
        second.Headers["x-slow"].Should().Be("yes", "the head outlives the waits for its body");
        second.Headers["content-length"].Should().Be("5");
        second.BodyText.Should().Be("abcde");
    }

    [Fact]
    public async Task A_response_of_http_2_is_held_and_gets_its_length()
    {
        var body = string.Concat(Enumerable.Range(0, 20_000).Select(static i => (char)('a' + (i % 26))));
        await using var traffic = Http2Upstream.Start(
            async stream =>
            {
                await stream.ReadRequestAsync();
                await stream.SendHeadAsync(200, endStream: false, new RawHeader("x-from", "h2"));
                await stream.SendDataAsync(body[..10_000]);
                await stream.SendDataAsync(body[10_000..], endStream: true);
            },
            http: static http => http with { Filters = [Filter(BufferBehavior.InjectContentLengthIfNecessary, 1_000_000)] });

        var response = await traffic.GetAsync();

        response.Headers["content-length"].Should().Be("20000");
        response.Headers["x-from"].Should().Be("h2");
        response.BodyText.Should().Be(body);
    }

    [Fact]
    public async Task A_client_of_http_2_gets_the_length_and_what_stands_behind_the_body()
    {
        await using var traffic = await Http2Front.StartAsync(
            BackendScripts.Chunked(["abc", "de"], new RawHeader("x-sum", "5")),
            http: static http => http with { Filters = [Filter(BufferBehavior.FullyBufferAndAlwaysInjectContentLength, 10)] });

        var response = await traffic.Client.GetAsync();

        response.BodyText.Should().Be("abcde");
        response.Fields["content-length"].Should().Be("5");
        response.Trailers.Should().Equal(new RawHeader("x-sum", "5"));
    }

    [Fact]
    public async Task A_client_of_http_2_is_told_of_a_response_that_is_too_long()
    {
        await using var traffic = await Http2Front.StartAsync(
            BackendScripts.Chunked(["abc", "de"]), http: static http => http with { Filters = [Filter(BufferBehavior.FullyBuffer, 4)] });

        var response = await traffic.Client.GetAsync();

        response.Status.Should().Be(500);
        response.BodyText.Should().Be("buffer limit exceeded");
    }

    [Theory]
    [InlineData(BufferBehavior.InjectContentLengthIfNecessary, "5")]
    [InlineData(BufferBehavior.FullyBufferAndAlwaysInjectContentLength, "5")]
    [InlineData(BufferBehavior.FullyBuffer, null)]
    public async Task A_request_goes_upstream_when_it_is_whole(BufferBehavior behavior, string? length)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Requests(backend.Port, behavior);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
        await Patience.UntilAsync(() => proxy.Stat("http.test.downstream_rq_active") == 1, "the request's head");
        backend.Connections.Should().BeEmpty();
        await client.SendAsync("2\r\nde\r\n0\r\n\r\n");
        await client.ReadResponseAsync("POST");

        var request = backend.Requests.Should().ContainSingle().Subject;
        request.BodyText.Should().Be("abcde");
        request.Headers["content-length"].Should().Be(length);
        request.Headers.Contains("transfer-encoding").Should().Be(length is null);
    }

    [Fact]
    public async Task A_request_with_a_length_goes_on_as_it_comes_where_one_is_only_injected()
    {
        var seen = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            var head = await connection.ReadHeadAsync();
            seen.Set();
            await connection.ReadBodyAsync(head!);
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        });
        await using var proxy = Requests(backend.Port, BufferBehavior.InjectContentLengthIfNecessary);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabc");
        await seen.WaitAsync();
        await client.SendAsync("de");

        (await client.ReadResponseAsync("POST")).Status.Should().Be(200);
    }

    [Theory]
    [InlineData("content-length: 11\r\n\r\n")]
    [InlineData("transfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n")]
    public async Task A_request_that_is_too_long_is_refused_and_never_sent(string rest)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Requests(backend.Port, BufferBehavior.FullyBuffer, 10);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "POST / HTTP/1.1\r\nhost: a\r\n" + rest, "POST");

        response.Status.Should().Be(413);
        response.BodyText.Should().Be("buffer limit exceeded");
        backend.Connections.Should().BeEmpty();
        (await proxy.LogAsync()).Should().StartWith("POST / 413 - request_payload_too_large ");
    }

    [Fact]
    public async Task What_a_route_leaves_out_is_as_its_virtual_host_and_the_filter_have_it()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "0123456789"));
        var action = new ForwardAction { Cluster = new SingleCluster("backend") };
        var table = RouteTable.Compile(
            new RouteConfiguration
            {
                Name = "r",
                VirtualHosts =
                [
                    new VirtualHost
                    {
                        Name = "h",
                        Domains = ["*"],
                        FilterConfigs = [Response(null, 9)],
                        Routes =
                        [
                            new Route { Match = At("/off"), Action = action, FilterConfigs = [Response(BufferBehavior.Bypass, null)] },
                            new Route { Match = At("/more"), Action = action, FilterConfigs = [Response(null, 10)] },
                            new Route { Match = At("/less"), Action = action, FilterConfigs = [Response(BufferBehavior.FullyBufferAndAlwaysInjectContentLength, null)] },
                            new Route { Match = At("/"), Action = action },
                        ],
                    },
                ],
            },
            KubeProxyNet.Proxy.Config.Re2Syntax.Read);
        await using var proxy = RunningProxy.Start(table, [RunningProxy.Cluster("backend", backend.Port)], static http => http with { Filters = [Filter(BufferBehavior.FullyBuffer, 100)] });

        var statuses = new List<int>();
        foreach (var path in (string[])["/off", "/more", "/less", "/"])
        {
            statuses.Add((await RawHttpClient.GetAsync(proxy.Port, path)).Status);
        }

        statuses.Should().Equal(200, 200, 500, 500);
    }

    private static RouteMatch At(string prefix) => new() { Path = new PrefixPath(prefix) };

    private static RouteFilterConfig Response(BufferBehavior? behavior, int? bytes) =>
        new(Name, Disabled: false, new FileSystemBufferRouteSettings(new StreamBufferSettings(), new StreamBufferSettings(behavior, bytes)));

    private static FileSystemBufferConfig Filter(BufferBehavior behavior, int bytes) => new(Name, new StreamBufferSettings(), new StreamBufferSettings(behavior, bytes));

    private static RunningProxy Responses(int port, BufferBehavior behavior, int bytes = 1_000_000) =>
        RunningProxy.To(port, http => http with { Filters = [Filter(behavior, bytes)] });

    private static RunningProxy Requests(int port, BufferBehavior behavior, int bytes = 1_000_000) =>
        RunningProxy.To(port, http => http with { Filters = [new FileSystemBufferConfig(Name, new StreamBufferSettings(behavior, bytes), new StreamBufferSettings())] });
}

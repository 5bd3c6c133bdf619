using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.LogFilters;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using StringMatcher = KubeProxyNet.Proxy.Routing.Matching.StringMatcher;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>What records say of exchanges that really ran, held against what the client and the backend saw.</summary>
public sealed class AccessLogFactsTests
{
    private const string Sizes =
        "%DOWNSTREAM_HEADER_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_SENT% %UPSTREAM_WIRE_BYTES_SENT% "
        + "%UPSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_HEADER_BYTES_SENT% %DOWNSTREAM_WIRE_BYTES_SENT% %BYTES_RECEIVED% %BYTES_SENT%";

    [Fact]
    public async Task Sizes_are_those_that_crossed_the_wire()
    {
        const string Answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        const string Head = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
        const string Body = "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n";
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw(Answer));
        await using var log = Logged.To(backend.Port, Sizes, time: new ManualClock());
        await using (var client = await RawHttpClient.ConnectAsync(log.Proxy.Port))
        {
            // Pipelined, so that one exchange must not be charged with the bytes of the other.
            await client.SendAsync(Head + Body + Head + Body);
            var first = await client.ReadResponseAsync();
            await client.ReadResponseAsync();
            var lines = await log.LinesAsync(2);
            var upstream = backend.Connections.Single().Received.Length / 2;
            var upstreamHead = Encoding.ASCII.GetString(backend.Connections.Single().Received).IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;

            lines[0].Should().Be(
                $"{Head.Length} {Head.Length + Body.Length} {upstreamHead} {upstream} {Answer.IndexOf("5\r\n", StringComparison.Ordinal)} {Answer.Length} "
                + $"{first.RawHead.Length} {first.RawHead.Length + "5\r\nhello\r\n0\r\n\r\n".Length} 7 5");
            lines[1].Should().Be(lines[0]);
        }
    }

    [Fact]
    public async Task An_answer_of_our_own_has_sizes_a_body_and_no_upstream()
    {
        await using var log = Logged.Start(RunningProxy.Table(), [], Sizes + " %UPSTREAM_PROTOCOL% %UPSTREAM_CONNECTION_ID% %UPSTREAM_HOSTS_ATTEMPTED% [%LOCAL_REPLY_BODY%] %RESP(:STATUS)% %RESP(SERVER)%");

        var response = await RawHttpClient.ExchangeAsync(log.Proxy.Port, "GET /x HTTP/1.1\r\nhost: h\r\n\r\n");

        var request = "GET /x HTTP/1.1\r\nhost: h\r\n\r\n".Length;
        (await log.LinesAsync(1))[0].Should().Be(
            $"{request} {request} 0 0 0 0 {response.RawHead.Length} {response.RawHead.Length} 0 0 - 0 - [] 404 kpn");
    }

    [Fact]
    public async Task The_body_of_an_answer_of_our_own_can_be_shown()
    {
        await using var log = Logged.Start(RunningProxy.Everything("none"), [new(new ClusterConfig { Name = "none" }, [])], "%RESPONSE_FLAGS% [%LOCAL_REPLY_BODY%] %RESP(CONTENT-LENGTH)%");

        await RawHttpClient.GetAsync(log.Proxy.Port);

        (await log.LinesAsync(1))[0].Should().Be("UH [no healthy upstream] 19");
    }

    [Fact]
    public async Task Headers_are_shown_as_they_travelled()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\nServer: theirs\r\nX-Kept: k\r\nX-Gone: g\r\ncontent-length: 0\r\n\r\n"));
        var routes = RunningProxy.Table(new Route
        {
            Match = new RouteMatch { Path = new PrefixPath("/old") },
            Name = "a route",
            Action = new ForwardAction { Cluster = new SingleCluster("backend"), PrefixRewrite = "/new", HostRewrite = new HostRewriteLiteral("there") },
            RequestHeaders = new HeaderRules { Remove = ["x-secret"], Add = [new HeaderValueOption { Name = "X-Added", Value = "a" }] },
            ResponseHeaders = new HeaderRules { Remove = ["x-gone"], Add = [new HeaderValueOption { Name = "X-Ours", Value = "o" }] },
        });
        await using var log = Logged.Start(
            routes,
            [RunningProxy.Cluster("backend", backend.Port)],
            "%REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PATH% %PATH(NQ)% %REQ(:AUTHORITY)% %REQ(X-SECRET)% %REQ(X-ADDED)% %REQ(X-FORWARDED-PROTO)% %REQ(CONNECTION)%|"
            + "%RESP(:STATUS)% %RESP(SERVER)% %RESP(X-KEPT)% %RESP(X-GONE)% %RESP(X-OURS)%|%ROUTE_NAME% %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_PORT% %DOWNSTREAM_REMOTE_PORT% %UPSTREAM_CONNECTION_IDS_ATTEMPTED%");
        await using var client = await RawHttpClient.ConnectAsync(log.Proxy.Port);
        await client.SendAsync("GET /old/a?b HTTP/1.1\r\nhost: h\r\nx-secret: s\r\n\r\n");
        await client.ReadResponseAsync();

        var upstream = backend.Requests.Single();
        upstream.Target.Should().Be("/new/a?b");
        upstream.Headers["x-envoy-original-path"].Should().Be("/old/a?b");
        (await log.LinesAsync(1))[0].Should().MatchRegex(
            "^/new/a\\?b /old/a\\?b /old/a\\?b /old/a there - a http -\\|200 kpn k - o\\|"
            + $"a route backend {backend.Connections.Single().RemoteEndPoint.Port} {client.LocalEndPoint.Port} \\d+$");
    }

    [Fact]
    public async Task Durations_are_those_between_the_events()
    {
        var clock = new ManualClock();
        var steps = Enumerable.Range(0, 4).Select(static _ => new Signal()).ToArray();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            var head = await connection.ReadHeadAsync();
            steps[0].Set();
            await connection.ReadBodyAsync(head!);
            steps[1].Set();
            await steps[2].WaitAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n");
            await steps[3].WaitAsync();
            await connection.SendAsync("body");
        });
        await using var log = Logged.To(
            backend.Port,
            "%DURATION% %REQUEST_DURATION% %REQUEST_TX_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% %COMMON_DURATION(US_RX_BEG:US_RX_BODY_BEG)% "
            + "%COMMON_DURATION(DS_RX_BEG:DS_TX_BEG:us)% %COMMON_DURATION(US_TX_BEG:US_TX_END)% %COMMON_DURATION(US_CX_BEG:US_CX_END)% %UPSTREAM_CONNECTION_POOL_READY_DURATION% %EMIT_TIME(%s.%3f)%",
            time: clock);
        await using var client = await RawHttpClient.ConnectAsync(log.Proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\n");
        await steps[0].WaitAsync();
        clock.Advance(TimeSpan.FromMilliseconds(100));
        await client.SendAsync("abc");
        await steps[1].WaitAsync();
        clock.Advance(TimeSpan.FromMilliseconds(200));
        steps[2].Set();
        await client.ReadHeadAsync();
        clock.Advance(TimeSpan.FromMilliseconds(50));
        steps[3].Set();
        await client.ReadBytesAsync(4);

        (await log.LinesAsync(1))[0].Should().Be("350 100 100 300 50 50 300000 100 0 0 0.350");
    }

    [Fact]
    public async Task A_response_that_was_cut_has_no_end()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.CloseMidBody());
        await using var log = Logged.To(backend.Port, "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_TX_DURATION% %COMMON_DURATION(DS_TX_BEG:DS_TX_END)% %COMMON_DURATION(US_RX_BEG:US_RX_END)%");

        await using (var client = await RawHttpClient.ConnectAsync(log.Proxy.Port))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
            await client.ReadToEndAsync();
        }

        (await log.LinesAsync(1))[0].Should().Be("200 UC - - -");
    }

    [Fact]
    public async Task A_connect_that_failed_says_why()
    {
        using var dead = DeadPort.Refusing();
        await using var log = Logged.To(dead.Port, "%RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS% %UPSTREAM_HOSTS_ATTEMPTED% %UPSTREAM_REQUEST_ATTEMPT_COUNT%");

        await RawHttpClient.GetAsync(log.Proxy.Port);

        var host = $"127.0.0.1:{dead.Port}";
        (await log.LinesAsync(1))[0].Should().Be($"UF delayed_connect_error:_Connection_refused {host} - {host} 0");
    }

    [Fact]
    public async Task A_client_cannot_forge_a_record()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var text = Logged.To(backend.Port, "\"%REQ(X)%\" \"%REQ(:PATH)%\"");
        await using var json = Logged.Json(backend.Port, """{"x":"%REQ(X)%","path":"%PATH%"}""");
        const string Request = "GET /%0d%0a\"?\\ HTTP/1.1\r\nhost: h\r\nx: a\" \\\t\u0080\u00ff {\"y\":1}\r\n\r\n";

        var answers = new[] { await RawHttpClient.ExchangeAsync(text.Proxy.Port, Request), await RawHttpClient.ExchangeAsync(json.Proxy.Port, Request) };

        answers[1].Status.Should().Be(answers[0].Status);
        (await text.LinesAsync(1))[0].Should().MatchRegex("""^"(a\\" \\\\\\x09\\x80\\xff \{\\"y\\":1\}|-)" "(/%0d%0a\\"\?\\\\|-)"$""");
        using var record = JsonDocument.Parse((await json.LinesAsync(1))[0]);
        record.RootElement.EnumerateObject().Select(static member => member.Name).Should().Equal("path", "x");
    }

    [Fact]
    public async Task A_filter_decides_what_is_recorded()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static (connection, request) =>
            connection.SendAsync($"HTTP/1.1 {(request.Target == "/bad" ? 500 : 200)} X\r\ncontent-length: 0\r\n\r\n")));
        await using var log = Logged.To(
            backend.Port,
            "%REQ(:PATH)%",
            new AllFilter([new StatusCodeFilter(new Comparison(ComparisonOperation.AtLeast, 500)), HeaderOf("x-request-id", ".+")]));

        await RawHttpClient.GetAsync(log.Proxy.Port, "/good");
        await RawHttpClient.GetAsync(log.Proxy.Port, "/bad");

        (await log.LinesAsync(1)).Should().Equal("/bad");
    }

    [Fact]
    public async Task Recording_allocates_nothing_in_steady_state()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        var silent = await AllocatedAsync(backend.Port, static _ => []);
        var recording = await AllocatedAsync(backend.Port, static given =>
        [
            given with { Format = AccessLogFormat.Default, Filter = HeaderOf("x-request-id", "[0-9a-f-]+") },
            given with { Format = ParseJson("""{"r":"%ROUTE_NAME%","p":"%PATH%","s":"%RESP(SERVER)%","l":"%UPSTREAM_LOCAL_ADDRESS%","b":"%REQUEST_HEADERS_BYTES%"}""") },
        ]);

        // What else a request costs, in a build with checks, is nearly the same for both: it depends on how often an exchange has to wait.
        // One object a record, the smallest there is, would be twice as much as this.
        (recording - silent).Should().BeLessThan(AllocationRounds * 12);
    }

    private const int AllocationRounds = 1000;

    /// <summary>Heap bytes that the worker allocates for so many requests; the least of several measurements.</summary>
    private static async Task<long> AllocatedAsync(int port, Func<AccessLogConfig, ImmutableArray<AccessLogConfig>> logs)
    {
        var route = new Route { Name = "named", Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } };
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(route), [RunningProxy.Cluster("backend", port)], http => http with { AccessLogs = logs(http.AccessLogs[0]) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await AskAsync();
        var least = long.MaxValue;
        for (var i = 0; i < 4; i++)
        {
            var before = proxy.Stat("server.worker_heap_allocated_bytes");
            await AskAsync();
            least = Math.Min(least, proxy.Stat("server.worker_heap_allocated_bytes") - before);
        }

        return least;

        async Task AskAsync()
        {
            for (var i = 0; i < AllocationRounds; i++)
            {
                await client.SendAsync("GET /a HTTP/1.1\r\nhost: h\r\nuser-agent: u\r\n\r\n");
                await client.ReadResponseAsync();
            }
        }
    }

    private static HeaderFilter HeaderOf(string name, string pattern)
    {
        var filter = HeaderFilter.Compile(new HeaderMatcher { Name = name, Match = new HeaderString(StringMatcher.Regex(pattern)) }, "filter", Re2Syntax.Read, out var errors);
        errors.Should().BeEmpty();
        return filter;
    }

    private static AccessLogFormat ParseJson(string json)
    {
        using var document = JsonDocument.Parse(json);
        return AccessLogFormat.ParseJson(document.RootElement);
    }

    /// <summary>A proxy and its log in a format of the test's own.</summary>
    private sealed class Logged(RunningProxy proxy) : IAsyncDisposable
    {
        public RunningProxy Proxy => proxy;

        public static Logged To(int port, string format, AccessLogFilter? filter = null, TimeProvider? time = null) =>
            Start(RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", port)], format, http => http with { AccessLogs = [http.AccessLogs[0] with { Filter = filter }] }, time);

        public static Logged Json(int port, string format) => Start(
            RunningProxy.Everything("backend"),
            [RunningProxy.Cluster("backend", port)],
            null,
            http => http with { AccessLogs = [http.AccessLogs[0] with { Format = ParseJson(format) }] });

        public static Logged Start(
            RouteTable routes, ClusterSpecification[] clusters, string? format, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? configure = null, TimeProvider? time = null)
        {
            HttpConnectionManagerConfig Configure(HttpConnectionManagerConfig http)
            {
                http = format is null ? http : http with { AccessLogs = [http.AccessLogs[0] with { Format = AccessLogFormat.Parse(format + "\n") }] };
                return configure?.Invoke(http) ?? http;
            }

            return new Logged(RunningProxy.Start(routes, clusters, Configure, time: time));
        }

        /// <summary>The lines, once there are so many.</summary>
        public Task<string[]> LinesAsync(int count) => proxy.LogLinesAsync(count);

        public ValueTask DisposeAsync() => proxy.DisposeAsync();
    }
}

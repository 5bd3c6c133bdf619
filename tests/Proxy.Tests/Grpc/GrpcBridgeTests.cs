using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>Calls of clients that see no trailers (Envoy documentation, "gRPC HTTP/1.1 bridge"), to a backend of gRPC by HTTP/2.</summary>
public sealed class GrpcBridgeTests
{
    private const string Message = "\0\0\0\0\u0004abcd";
    private const string Protobuf = "application/x-protobuf";

    [Fact]
    public async Task The_status_of_the_trailers_stands_in_the_head_and_the_body_has_its_length()
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer(Message, new RawHeader("grpc-status", "0"), new RawHeader("grpc-message", "fine"), new RawHeader("x-other", "a")));
        await using var proxy = Start(backend);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(body: Message));

        response.Status.Should().Be(200);
        response.BodyText.Should().Be(Message);
        response.Headers["content-length"].Should().Be("9");
        response.Headers["grpc-status"].Should().Be("0");
        response.Headers["grpc-message"].Should().Be("fine");
        response.Headers.Contains("x-other").Should().BeFalse("only what tells the status is copied");
        backend.Requests[0].Body.Should().Equal(Encoding.Latin1.GetBytes(Message));
        backend.Requests[0].Fields["content-type"].Should().Be("application/grpc");
        backend.Requests[0].Fields["te"].Should().Be("trailers", "gRPC servers want to know that they arrive");
    }

    [Theory]
    [InlineData("5")]
    [InlineData("none")]
    public async Task A_status_that_is_not_0_is_503(string status)
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer("", new RawHeader("grpc-status", status), new RawHeader("grpc-message", "no such thing")));
        await using var proxy = Start(backend);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(body: Message));

        response.Status.Should().Be(503);
        response.Reason.Should().Be("Service Unavailable");
        response.Headers["grpc-status"].Should().Be(status);
        response.Headers["grpc-message"].Should().Be("no such thing");
        response.Headers["content-length"].Should().Be("0");
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_200") == 1, "what the backend said is counted");
    }

    [Fact]
    public async Task What_stood_in_the_head_gives_way_to_the_trailers()
    {
        await using var backend = ScriptedHttp2Backend.Start(async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-type", "application/grpc"), new RawHeader("grpc-message", "early"), new RawHeader("grpc-status", "0"));
            await stream.SendDataAsync(Message);
            await stream.SendTrailersAsync(new RawHeader("grpc-status", "13"), new RawHeader("grpc-message", "late"));
        });
        await using var proxy = Start(backend);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(body: Message));

        response.Status.Should().Be(503);
        response.HeadText.Should().Contain("grpc-status: 13").And.NotContain("grpc-status: 0").And.Contain("grpc-message: late").And.NotContain("early");
    }

    [Fact]
    public async Task A_response_that_is_only_trailers_is_told_by_its_head()
    {
        await using var backend = ScriptedHttp2Backend.Start(async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200, endStream: true, new RawHeader("content-type", "application/grpc"), new RawHeader("grpc-status", "12"));
        });
        await using var proxy = Start(backend);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(body: Message));

        response.Status.Should().Be(503);
        response.Headers["grpc-status"].Should().Be("12");
        response.Headers["content-length"].Should().Be("0");
    }

    [Theory]
    [InlineData(4)]
    [InlineData(300_000)]
    public async Task A_bare_message_gets_its_prefix_and_the_answer_loses_it(int length)
    {
        await using var backend = ScriptedHttp2Backend.Start(async stream =>
        {
            var request = await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-type", "application/grpc"));
            foreach (var piece in new[] { request.Body[..2], request.Body[2..6], request.Body[6..] })
            {
                await stream.SendDataAsync(piece);
            }

            await stream.SendTrailersAsync(new RawHeader("grpc-status", "0"));
        });
        await using var proxy = Start(backend, static bridge => bridge with { UpgradesProtobuf = true });
        var message = new string('m', length);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: Protobuf, body: message));

        var request = backend.Requests[0];
        request.Fields["content-type"].Should().Be("application/grpc");
        request.Fields.Contains("content-length").Should().BeFalse("the prefix has the length");
        request.Body.Should().Equal([0, 0, (byte)(length >> 16), (byte)(length >> 8), (byte)length, .. Encoding.Latin1.GetBytes(message)]);
        response.Status.Should().Be(200);
        response.BodyText.Should().Be(message);
        response.Headers["content-length"].Should().Be($"{length}");
        response.Headers["grpc-status"].Should().Be("0");
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.grpc.request_message_count") == 1, "the message is counted with its prefix");
    }

    [Fact]
    public async Task A_bare_message_that_is_tried_again_has_one_prefix()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.InTurn(Http2Scripts.Refuse(), Answer(Message, new RawHeader("grpc-status", "0"))));
        await using var proxy = Start(backend, static bridge => bridge with { UpgradesProtobuf = true });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: Protobuf, body: "abcd"));

        response.BodyText.Should().Be("abcd");
        backend.Requests.Should().OnlyContain(static request => Encoding.Latin1.GetString(request.Body) == Message);
    }

    [Fact]
    public async Task A_query_is_taken_off_where_that_is_asked_for()
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer(Message, new RawHeader("grpc-status", "0")));
        await using var proxy = Start(backend, static bridge => bridge with { IgnoresQuery = true });

        await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(path: "/shop.Cart/Add?a=1&b", body: Message));
        await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(path: "/shop.Cart/Add?a=1&b", type: "text/plain", body: Message));

        backend.Requests.Select(static request => request.Fields[":path"]).Should().Equal("/shop.Cart/Add", "/shop.Cart/Add?a=1&b");
    }

    [Theory]
    [InlineData("text/plain", true)]
    [InlineData(Protobuf, false)]
    public async Task Other_requests_pass_as_they_are(string type, bool upgrades)
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer("plain", new RawHeader("grpc-status", "5")));
        await using var proxy = Start(backend, bridge => bridge with { UpgradesProtobuf = upgrades });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: type, body: "abcd"));

        response.Status.Should().Be(200);
        response.BodyText.Should().Be("plain");
        response.Headers.Contains("grpc-status").Should().BeFalse();
        backend.Requests[0].Fields["content-type"].Should().Be(type);
    }

    [Fact]
    public async Task Clients_of_http2_see_trailers_themselves()
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer(Message, new RawHeader("grpc-status", "5")));
        await using var proxy = Start(backend);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var response = await client.ExchangeAsync([.. Http2Fields.Post("/shop.Cart/Add"), new RawHeader("content-type", "application/grpc")], Encoding.Latin1.GetBytes(Message));

        response.Status.Should().Be(200);
        response.Trailers["grpc-status"].Should().Be("5");
    }

    [Fact]
    public async Task Answers_of_the_proxy_are_503_with_the_status_and_to_a_bare_message_what_others_get()
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend")], static http => http with { Filters = [new GrpcBridgeConfig("bridge") { UpgradesProtobuf = true }] });

        var call = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(body: Message));
        var bare = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: Protobuf, body: "abcd"));

        call.Status.Should().Be(503);
        call.Headers["grpc-status"].Should().Be("14");
        call.Headers["grpc-message"].Should().Be("no healthy upstream");
        bare.Status.Should().Be(503);
        bare.Headers.Contains("grpc-status").Should().BeFalse();
        bare.BodyText.Should().Be("no healthy upstream");
    }

    [Fact]
    public async Task What_is_longer_than_may_be_held_is_413_or_500()
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer(new string('x', 1_100_000), new RawHeader("grpc-status", "0")));
        await using var proxy = Start(backend, static bridge => bridge with { UpgradesProtobuf = true });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(body: Message));
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-type: {Protobuf}\r\ncontent-length: 1100000\r\n\r\n");

        response.Status.Should().Be(503, "500 of HTTP is 13 of gRPC, and that is an error to such a client");
        (await client.ReadResponseAsync()).Status.Should().Be(413);
    }

    [Fact]
    public async Task An_upgraded_message_takes_the_route_of_calls_and_what_it_says_of_the_filters_behind()
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer(Message, new RawHeader("grpc-status", "0")));
        var ofCalls = new Route { Match = OfType("application/grpc"), Action = ToBackend, FilterConfigs = [new RouteFilterConfig("buffer", Disabled: true, null)] };
        await using var proxy = Start(backend, static bridge => bridge with { UpgradesProtobuf = true }, [new BufferFilterConfig("buffer", 2)], ofCalls, Others);

        var upgraded = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: Protobuf, body: "abcd"));
        var other = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: "text/plain", body: "abcd"));
        var little = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: "text/plain", body: "a"));

        upgraded.Status.Should().Be(200);
        upgraded.BodyText.Should().Be("abcd");
        other.Status.Should().Be(413);
        little.Status.Should().Be(418);
        backend.Requests.Should().ContainSingle();
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.grpc.request_message_count") == 1, "the call is one of its cluster");
    }

    [Fact]
    public async Task Where_messages_are_not_upgraded_their_route_is_the_one_that_fitted_first()
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer(Message, new RawHeader("grpc-status", "0")));
        await using var proxy = Start(backend, static bridge => bridge, [], new Route { Match = OfType("application/grpc"), Action = ToBackend }, Others);

        var bare = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: Protobuf, body: "abcd"));
        var call = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(body: Message));

        bare.Status.Should().Be(418);
        call.Status.Should().Be(200);
    }

    [Fact]
    public async Task An_upgraded_message_for_which_there_is_no_route_is_404()
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer(Message, new RawHeader("grpc-status", "0")));
        await using var proxy = Start(backend, static bridge => bridge with { UpgradesProtobuf = true }, [], new Route { Match = OfType(Protobuf), Action = ToBackend });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: Protobuf, body: "abcd"));

        response.Status.Should().Be(404);
        backend.Requests.Should().BeEmpty();
    }

    private static ForwardAction ToBackend => new() { Cluster = new SingleCluster("backend") };

    private static Route Others => new() { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new DirectResponseAction(418) };

    private static RouteMatch OfType(string type) => new()
    {
        Path = new PrefixPath("/"),
        Headers = [new HeaderMatcher { Name = "content-type", Match = new HeaderString(new StringMatcher(StringMatchKind.Exact, type)) }],
    };

    private static Http2Script Answer(string body, params RawHeader[] trailers) => async stream =>
    {
        await stream.ReadRequestAsync();
        await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-type", "application/grpc"));
        if (body.Length > 0)
        {
            await stream.SendDataAsync(body);
        }

        await stream.SendTrailersAsync(trailers);
    };

    private static RunningProxy Start(ScriptedHttp2Backend backend, Func<GrpcBridgeConfig, GrpcBridgeConfig>? configure = null) =>
        Start(backend, configure, [], new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = ToBackend });

    private static RunningProxy Start(ScriptedHttp2Backend backend, Func<GrpcBridgeConfig, GrpcBridgeConfig>? configure, HttpFilterConfig[] behind, params Route[] routes)
    {
        var bridge = new GrpcBridgeConfig("bridge");
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        return RunningProxy.Start(
            RunningProxy.Table(routes),
            [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }],
            http => http with { Codec = HttpCodec.Auto, UseRemoteAddress = false, Filters = [configure?.Invoke(bridge) ?? bridge, new GrpcStatsConfig("stats"), .. behind] });
    }
}

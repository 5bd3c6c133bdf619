using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>What becomes of the fields of requests and responses on their way through.</summary>
public sealed class ForwardedHeadTests
{
    [Fact]
    public async Task Fields_travel_in_order_with_their_values_untouched()
    {
        var echoed = await EchoAsync("x-b: 2\r\nX-A:  spaced  out \t\r\nx-b: 3\r\nx-empty:\r\nx-high: \u00ff\u00e9\r\n");

        echoed.Headers.All("x-b").Should().Equal("2", "3");
        echoed.Headers["x-a"].Should().Be("spaced  out");
        echoed.Headers["x-empty"].Should().BeEmpty();
        echoed.Headers["x-high"].Should().Be("\u00ff\u00e9");
        echoed.Version.Should().Be("HTTP/1.1");
    }

    [Theory]
    [InlineData("keep-alive: timeout=5")]
    [InlineData("proxy-connection: keep-alive")]
    [InlineData("te: trailers")]
    [InlineData("trailer: x-t")]
    [InlineData("upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk")]
    [InlineData("connection: x-secret\r\nx-secret: 1")]
    [InlineData("x-secret: 1\r\nconnection: keep-alive , X-SECRET\r\nx-secret: 2")]
    public async Task Fields_of_one_connection_end_here(string fields)
    {
        var echoed = await EchoAsync($"{fields}\r\nx-after: kept\r\n");

        foreach (var name in new[] { "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "http2-settings", "x-secret" })
        {
            echoed.Headers.Contains(name).Should().BeFalse(name);
        }

        echoed.Headers["x-after"].Should().Be("kept");
    }

    [Fact]
    public async Task Fields_that_others_rely_on_cannot_be_taken_out_by_Connection()
    {
        var echoed = await EchoAsync(
            "connection: host, x-forwarded-for, x-forwarded-proto, x-request-id, content-length, x-forwarded-host\r\nx-forwarded-for: 1.2.3.4\r\nx-forwarded-host: h\r\n");

        echoed.Headers["host"].Should().Be("example.com");
        echoed.Headers["x-forwarded-for"].Should().Be("1.2.3.4,127.0.0.1");
        echoed.Headers["x-forwarded-proto"].Should().Be("http");
        echoed.Headers["x-forwarded-host"].Should().Be("h");
        echoed.Headers["x-request-id"].Should().HaveLength(36);
    }

    [Fact]
    public async Task Addresses_in_x_forwarded_for_are_joined_and_the_peer_appended()
    {
        var echoed = await EchoAsync("x-forwarded-for: 1.1.1.1\r\nx-other: y\r\nx-forwarded-for: 2.2.2.2, 3.3.3.3\r\n");

        echoed.Headers["x-forwarded-for"].Should().Be("1.1.1.1,2.2.2.2, 3.3.3.3,127.0.0.1");
    }

    [Fact]
    public async Task Behind_another_proxy_x_forwarded_for_stays_as_it_came()
    {
        var echoed = await EchoAsync("x-forwarded-for: 1.1.1.1\r\nx-forwarded-proto: https\r\n", http => http with { UseRemoteAddress = false });

        echoed.Headers["x-forwarded-for"].Should().Be("1.1.1.1");
        echoed.Headers["x-forwarded-proto"].Should().Be("https");
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    [InlineData(false, false, true)]
    public async Task An_outside_request_id_is_kept_only_where_trusted(bool edge, bool preserve, bool isKept)
    {
        var echoed = await EchoAsync("x-request-id: mine\r\n", http => http with { UseRemoteAddress = edge, PreserveExternalRequestId = preserve });

        (echoed.Headers["x-request-id"] == "mine").Should().Be(isKept);
    }

    [Fact]
    public async Task Request_ids_differ_and_go_back_where_configured()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port, http => http with { AlwaysSetRequestIdInResponse = true });

        var first = await RawHttpClient.GetAsync(proxy.Port);
        var second = await RawHttpClient.GetAsync(proxy.Port);

        first.Headers["x-request-id"].Should().Be(EchoedRequest.From(first).Headers["x-request-id"]);
        first.Headers["x-request-id"].Should().NotBe(second.Headers["x-request-id"]);
    }

    [Fact]
    public async Task An_absolute_form_target_becomes_origin_form_and_gives_the_host()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);

        var echoed = EchoedRequest.From(await RawHttpClient.ExchangeAsync(
            proxy.Port, "GET http://right.example:8080/path?q=1 HTTP/1.1\r\nhost: wrong.example\r\n\r\n"));

        echoed.Target.Should().Be("/path?q=1");
        echoed.Headers["host"].Should().Be("right.example:8080");
    }

    [Fact]
    public async Task A_response_gets_server_date_and_service_time_and_loses_what_concerns_one_connection()
    {
        var response = await AnswerAsync("server: theirs\r\nkeep-alive: timeout=5\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nx-kept: 2\r\n");

        response.Headers["server"].Should().Be("kpn");
        DateTimeOffset.ParseExact(response.Headers["date"]!, "R", null).Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        int.Parse(response.Headers["x-envoy-upstream-service-time"]!).Should().BeGreaterThanOrEqualTo(0);
        response.Headers["x-kept"].Should().Be("2");
        response.Headers.Contains("connection").Should().BeFalse();
        response.Headers.Contains("keep-alive").Should().BeFalse();
        response.Headers.Contains("x-hop").Should().BeFalse();
    }

    [Fact]
    public async Task A_response_keeps_its_own_date_and_where_told_its_server()
    {
        const string fields = "server: theirs\r\ndate: Thu, 01 Jan 2015 00:00:00 GMT\r\n";

        (await AnswerAsync(fields)).Headers["date"].Should().Be("Thu, 01 Jan 2015 00:00:00 GMT");
        (await AnswerAsync(fields, http => http with { ServerHeader = ServerHeaderTransformation.PassThrough })).Headers["server"].Should().Be("theirs");
        (await AnswerAsync(fields, http => http with { ServerHeader = ServerHeaderTransformation.AppendIfAbsent })).Headers["server"].Should().Be("theirs");
        (await AnswerAsync("", http => http with { ServerHeader = ServerHeaderTransformation.AppendIfAbsent })).Headers["server"].Should().Be("kpn");
        (await AnswerAsync("", http => http with { SuppressEnvoyHeaders = true })).Headers.Contains("x-envoy-upstream-service-time").Should().BeFalse();
    }

    [Fact]
    public async Task Mutations_of_the_route_apply_both_ways()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest((connection, request) => connection.SendAsync(BackendScripts.ResponseText(
            200, request.Headers.ToString(), [new("x-gone", "1"), new("x-set", "theirs"), new("server", "theirs")], withBody: true))));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(new Route
            {
                Match = new RouteMatch { Path = new PrefixPath("/") },
                Action = new ForwardAction { Cluster = new SingleCluster("backend") },
                RequestHeaders = new HeaderRules { Remove = ["x-gone"], Add = [new HeaderValueOption { Name = "x-added", Value = "a" }] },
                ResponseHeaders = new HeaderRules
                {
                    Remove = ["x-gone", "server"],
                    Add = [new HeaderValueOption { Name = "x-set", Value = "ours", AppendAction = HeaderAppendAction.OverwriteIfExistsOrAdd }],
                },
            }),
            [RunningProxy.Cluster("backend", backend.Port)]);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nx-gone: 1\r\nx-stays: 2\r\n\r\n");

        response.BodyText.Should().Contain("x-added: a").And.Contain("x-stays: 2").And.NotContain("x-gone");
        response.Headers["x-set"].Should().Be("ours");
        response.Headers.Contains("x-gone").Should().BeFalse();
        response.Headers.Contains("server").Should().BeFalse();
    }

    private static async Task<EchoedRequest> EchoAsync(string fields, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? configure = null)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port, configure ?? (static http => http));
        return EchoedRequest.From(await RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\nhost: example.com\r\n{fields}\r\n"));
    }

    private static async Task<RawResponse> AnswerAsync(string fields, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? configure = null)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw($"HTTP/1.1 200 OK\r\n{fields}content-length: 2\r\n\r\nok"));
        await using var proxy = RunningProxy.To(backend.Port, configure ?? (static http => http));
        return await RawHttpClient.GetAsync(proxy.Port);
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Tests.Observability.AccessLog;
using KubeProxyNet.Proxy.Tests.Routing;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Header values with the format operators of access logs (Envoy documentation, "Custom request/response headers").</summary>
public sealed class HeaderFormatTests
{
    private const string Request = "GET /a?b=c HTTP/1.1\r\nhost: front.example\r\nx-user: ann\r\nx-empty:\r\nconnection: close\r\n\r\n";

    private static HeaderValueOption Option(string name, string value, HeaderAppendAction action = HeaderAppendAction.AppendIfExistsOrAdd, bool keepEmpty = false) =>
        new() { Name = name, Value = value, AppendAction = action, KeepEmptyValue = keepEmpty };

    private static HeaderRules Add(params HeaderValueOption[] options) => new() { Add = [.. options] };

    private static RouteTable Routes(HeaderRules? request = null, HeaderRules? response = null, HeaderRules? host = null, HeaderRules? cluster = null, RouteAction? action = null) =>
        RouteTable.Compile(new RouteConfiguration
        {
            VirtualHosts =
            [
                new VirtualHost
                {
                    Name = "all",
                    Domains = ["*"],
                    RequestHeaders = host ?? HeaderRules.None,
                    Routes =
                    [
                        new Route
                        {
                            Name = "the route",
                            Match = new RouteMatch { Path = new PrefixPath("/") },
                            RequestHeaders = request ?? HeaderRules.None,
                            ResponseHeaders = response ?? HeaderRules.None,
                            Action = action ?? new ForwardAction
                            {
                                Cluster = new WeightedClusters([new WeightedCluster { Name = "backend", Weight = 1, RequestHeaders = cluster ?? HeaderRules.None }]),
                            },
                        },
                    ],
                },
            ],
        });

    private static async Task<RawHeaders> ForwardedAsync(RouteTable routes, string request = Request)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.Start(routes, [RunningProxy.Cluster("backend", backend.Port)]);
        (await RawHttpClient.ExchangeAsync(proxy.Port, request)).Status.Should().Be(200);
        return backend.Requests.Single().Headers;
    }

    [Theory]
    [InlineData("%REQ(x-user)%", "ann")]
    [InlineData("user=%REQ(x-none?x-user)%;%REQ(:PATH)%", "user=ann;/a?b=c")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "127.0.0.1")]
    [InlineData("%PROTOCOL%", "HTTP/1.1")]
    [InlineData("%UPSTREAM_CLUSTER%", "backend")]
    [InlineData("%ROUTE_NAME%", "the route")]
    [InlineData("100%%", "100%")]
    [InlineData("%QUERY_PARAM(b)%", "c")]
    public async Task An_operator_shows_in_a_request_header_what_it_shows_in_a_log(string value, string expected) =>
        (await ForwardedAsync(Routes(Add(Option("x-a", value)))))["x-a"].Should().Be(expected);

    [Fact]
    public async Task A_header_without_a_value_is_left_out_unless_it_is_to_be_kept()
    {
        var headers = await ForwardedAsync(Routes(Add(
            Option("x-missing", "%REQ(x-none)%"), Option("x-kept", "%REQ(x-none)%", keepEmpty: true), Option("x-user", "%REQ(x-none)%", HeaderAppendAction.OverwriteIfExistsOrAdd))));

        headers.Contains("x-missing").Should().BeFalse();
        headers["x-kept"].Should().BeEmpty();
        headers["x-user"].Should().Be("ann");
    }

    [Theory]
    [InlineData(HeaderAppendAction.AppendIfExistsOrAdd, "ann|GET", "GET")]
    [InlineData(HeaderAppendAction.AddIfAbsent, "ann", "GET")]
    [InlineData(HeaderAppendAction.OverwriteIfExistsOrAdd, "GET", "GET")]
    [InlineData(HeaderAppendAction.OverwriteIfExists, "GET", "")]
    public async Task Append_actions_hold_for_formatted_values(HeaderAppendAction action, string ifPresent, string ifAbsent)
    {
        var headers = await ForwardedAsync(Routes(Add(Option("X-User", "%REQ(:METHOD)%", action), Option("x-other", "%REQ(:METHOD)%", action))));

        string.Join('|', headers.All("x-user")).Should().Be(ifPresent);
        string.Join('|', headers.All("x-other")).Should().Be(ifAbsent);
    }

    [Fact]
    public async Task A_level_sees_what_the_levels_before_it_set_and_not_its_own()
    {
        var headers = await ForwardedAsync(Routes(
            request: new HeaderRules { Add = [Option("x-b", "%REQ(x-a)%+"), Option("x-a", "route")], Remove = ["x-user"] },
            host: Add(Option("x-c", "%REQ(x-a)%,%REQ(x-b)%,%REQ(x-user)%")),
            cluster: Add(Option("x-a", "%REQ(x-user)%", HeaderAppendAction.OverwriteIfExistsOrAdd))));

        headers.All("x-a").Should().Equal("ann", "route");
        headers["x-b"].Should().Be("ann+");
        headers["x-c"].Should().Be("ann,ann+,");
        headers.Contains("x-user").Should().BeFalse();
    }

    [Fact]
    public async Task Response_headers_show_both_sides()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(201, "ok", new RawHeader("x-theirs", "t")));
        var routes = Routes(
            request: Add(Option("x-sent", "s")),
            response: Add(
                Option("x-code", "%RESPONSE_CODE%"), Option("x-copy", "%RESP(x-theirs)%"), Option("x-req", "%REQ(x-sent)%"), Option("x-host", "%UPSTREAM_HOST%"),
                Option("x-theirs", "%REQ(x-user)%", HeaderAppendAction.OverwriteIfExists), Option("server", "%PROTOCOL%", HeaderAppendAction.OverwriteIfExists)));
        await using var proxy = RunningProxy.Start(routes, [RunningProxy.Cluster("backend", backend.Port)]);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, Request);

        response.Headers["x-code"].Should().Be("201");
        response.Headers["x-copy"].Should().Be("t");
        response.Headers["x-req"].Should().Be("s");
        response.Headers["x-host"].Should().Be($"127.0.0.1:{backend.Port}");
        response.Headers.All("x-theirs").Should().Equal("ann");
        response.Headers.All("server").Should().Equal("HTTP/1.1");
    }

    [Fact]
    public async Task Answers_of_the_proxy_carry_formatted_headers_too()
    {
        var routes = Routes(response: Add(Option("x-code", "%RESPONSE_CODE%"), Option("x-path", "%REQ(:path)%")), action: new DirectResponseAction(299, "body"u8.ToArray()));
        await using var proxy = RunningProxy.Start(routes, []);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, Request);

        response.Headers["x-code"].Should().Be("299");
        response.Headers["x-path"].Should().Be("/a?b=c");
        response.BodyText.Should().Be("body");
    }

    [Fact]
    public async Task What_an_operator_brings_cannot_end_a_header_line()
    {
        Environment.SetEnvironmentVariable("KPN_TWO_LINES", "a\r\nb");
        var headers = await ForwardedAsync(Routes(Add(Option("x-a", "[%ENVIRONMENT(KPN_TWO_LINES)%]"), Option("x-b", "%REQ(x-tab)%"))), Request.Replace("x-user: ann", "x-tab: a\tb"));

        headers["x-a"].Should().Be("[a  b]");
        headers["x-b"].Should().Be("a\tb");
    }

    [Fact]
    public async Task A_value_of_any_length_arrives_whole()
    {
        var text = new string('v', 40_000);

        var headers = await ForwardedAsync(Routes(Add(Option("x-a", "%REQ(x-user)%%REQ(x-user)%"))), Request.Replace("ann", text));

        headers["x-a"].Should().Be(text + text);
    }

    [Fact]
    public void Formatting_costs_no_heap()
    {
        var mutations = Routes(Add(
            Option("x-a", "%REQ(x-user)% %DOWNSTREAM_REMOTE_ADDRESS% %START_TIME% %RESPONSE_CODE%"), Option("x-user", "%PROTOCOL%", HeaderAppendAction.OverwriteIfExists)))
            .Match(RequestHeads.Get("http://a/")).PickCluster().RequestMutations;
        var head = RequestHeads.Get("http://a/", "x-user: ann");
        var source = new FinishedRequest();
        var evaluation = new HeaderEvaluation();
        var lines = new byte[4096];
        for (var i = 0; i < 100; i++)
        {
            evaluation.Run(mutations, head, default, source);
        }

        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                evaluation.Run(mutations, head, default, source);
                var writer = new ByteWriter(lines);
                evaluation.WriteLines(ref writer);
            }
        }).Should().Be(0);
        evaluation.LinesLength.Should().BeGreaterThan(50);
    }
}

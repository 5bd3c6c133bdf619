using AwesomeAssertions;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>HTTP filters before the router, and what routes say of them.</summary>
public sealed class HttpFiltersTranslatorTests
{
    private const string Type = "\"@type\": type.googleapis.com/envoy.extensions.filters.http.";
    private const string Router = "{name: router, typed_config: {" + Type + "router.v3.Router}}";

    [Fact]
    public void Filters_stand_in_their_order_before_the_router()
    {
        var filters = Filters(
            $"[{{name: b1, typed_config: {{{Type}buffer.v3.Buffer, max_request_bytes: 5}}}}, {{name: b2, disabled: true, typed_config: {{{Type}buffer.v3.Buffer, max_request_bytes: 6}}}}, {Router}]",
            out var problems);

        problems.Should().BeEmpty();
        filters.Should().Equal(new BufferFilterConfig("b1", 5), new BufferFilterConfig("b2", 6) { Disabled = true });
    }

    [Fact]
    public void Two_filters_cannot_share_a_name()
    {
        Filters($"[{{name: b, typed_config: {{{Type}buffer.v3.Buffer, max_request_bytes: 5}}}}, {{name: b, typed_config: {{{Type}buffer.v3.Buffer, max_request_bytes: 6}}}}, {Router}]", out var problems);

        problems.Should().Equal("http_filters[1].name: a filter \"b\" exists already; give each filter its own name");
    }

    [Fact]
    public void Sessions_arrive_with_what_keeps_them()
    {
        const string State = "type.googleapis.com/envoy.extensions.http.stateful_session.";
        var filters = Filters(
            $"[{{name: s, typed_config: {{{Type}stateful_session.v3.StatefulSession, strict: true, session_state: {{name: h, typed_config: {{'@type': {State}header.v3.HeaderBasedSessionState, name: x-host}}}}}}}}, {{name: n, typed_config: {{{Type}stateful_session.v3.StatefulSession}}}}, {Router}]",
            out var problems);

        problems.Should().BeEmpty();
        filters.Should().Equal(new StatefulSessionConfig("s", new StatefulSession(new HeaderSessionState("x-host"), IsStrict: true)), new StatefulSessionConfig("n", new StatefulSession(null, IsStrict: false)));
    }

    [Fact]
    public void The_filters_of_grpc_arrive_with_their_settings()
    {
        var filters = Filters(
            $"[{{name: w, typed_config: {{{Type}grpc_web.v3.GrpcWeb}}}}, {{name: a, disabled: true, typed_config: {{{Type}grpc_stats.v3.FilterConfig, stats_for_all_methods: true, replace_dots_in_grpc_service_name: true}}}}, "
                + $"{{name: s, typed_config: {{{Type}grpc_stats.v3.FilterConfig, enable_upstream_stats: true, individual_method_stats_allowlist: {{services: [{{name: a.B, method_names: [C, D]}}]}}}}}}, {Router}]",
            out var problems);

        problems.Should().BeEmpty();
        filters.Take(2).Should().Equal(new GrpcWebConfig("w"), new GrpcStatsConfig("a") { Disabled = true, CountsAllMethods = true, ReplacesDots = true });
        filters[2].Should().BeOfType<GrpcStatsConfig>().Which.Should().Match<GrpcStatsConfig>(static stats => stats.MeasuresUpstream && !stats.CountsAllMethods);
        ((GrpcStatsConfig)filters[2]).Methods.Should().Equal("/a.B/C", "/a.B/D");
    }

    [Fact]
    public void The_bridge_of_grpc_arrives_with_its_settings()
    {
        var filters = Filters(
            $"[{{name: a, typed_config: {{{Type}grpc_http1_bridge.v3.Config}}}}, {{name: b, disabled: true, typed_config: {{{Type}grpc_http1_bridge.v3.Config, upgrade_protobuf_to_grpc: true, ignore_query_parameters: true}}}}, {Router}]",
            out var problems);

        problems.Should().BeEmpty();
        filters.Should().Equal(new GrpcBridgeConfig("a"), new GrpcBridgeConfig("b") { Disabled = true, UpgradesProtobuf = true, IgnoresQuery = true });
    }

    [Fact]
    public void Methods_without_a_name_are_refused_by_field()
    {
        Filters($"[{{name: s, typed_config: {{{Type}grpc_stats.v3.FilterConfig, individual_method_stats_allowlist: {{services: [{{name: ''}}]}}}}}}, {Router}]", out var problems);

        const string Service = "http_filters[0].typed_config.individual_method_stats_allowlist.services[0].";
        problems.Should().Equal(
            Service + "name: is empty; write the service's name with its package, such as shop.Cart", Service + "method_names: is empty; name the methods that are counted by themselves");
    }

    [Theory]
    [InlineData("cookie.v3.CookieBasedSessionState, cookie: {name: 'a b'}", "cookie.name: 'a b' cannot be a name here; use letters, digits, '-' and '_', at most 256")]
    [InlineData("cookie.v3.CookieBasedSessionState, cookie: {name: a, path: '/;x'}", "cookie.path: control characters and ';' cannot be part of a cookie; remove them")]
    [InlineData("cookie.v3.CookieBasedSessionState, cookie: {name: a, ttl: -1s}", "cookie.ttl: is negative; write 0s for as long as the browser runs")]
    [InlineData("header.v3.HeaderBasedSessionState, name: 'x:y'", "name: 'x:y' cannot be a name here; use letters, digits, '-' and '_', at most 256")]
    public void A_session_that_cannot_be_kept_is_refused_by_field(string state, string problem)
    {
        Filters(
            $"[{{name: s, typed_config: {{{Type}stateful_session.v3.StatefulSession, session_state: {{name: h, typed_config: {{'@type': type.googleapis.com/envoy.extensions.http.stateful_session.{state}}}}}}}}}, {Router}]",
            out var problems);
        problems.Should().Equal("http_filters[0].typed_config.session_state.typed_config." + problem);
    }

    [Fact]
    public void The_most_specific_level_speaks_for_a_route()
    {
        var table = Routes($$"""
            name: r
            typed_per_filter_config: { a: {{Buffer(1)}}, b: {{Buffer(1)}}, c: {{Buffer(1)}}, d: {{Buffer(1)}} }
            virtual_hosts:
            - name: h
              domains: ["*"]
              typed_per_filter_config: { b: {{Buffer(2)}}, c: {{Buffer(2)}}, d: {{Buffer(2)}} }
              routes:
              - match: { prefix: / }
                typed_per_filter_config: { c: {{Buffer(3)}}, d: {{Buffer(3)}} }
                route:
                  weighted_clusters:
                    clusters:
                    - { name: x, weight: 1, typed_per_filter_config: { d: {{Buffer(4)}} } }
                    - { name: y, weight: 1, typed_per_filter_config: { d: { "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } } }
            """, out var problems);

        problems.Should().BeEmpty();
        var targets = table!.VirtualHosts[0].Routes[0].Forward!.Targets;
        string.Join(" ", targets[0].FilterConfigs.OrderBy(static f => f.Filter, StringComparer.Ordinal).Select(static f => $"{f.Filter}={((BufferRouteSettings)f.Settings!).MaxRequestBytes}"))
            .Should().Be("a=1 b=2 c=3 d=4");
        RouteFilterConfig.Find(targets[1].FilterConfigs, "d").Should().Be(new RouteFilterConfig("d", Disabled: true, null));
        RouteFilterConfig.Find(targets[1].FilterConfigs, "e").Should().BeNull();
    }

    [Theory]
    [InlineData("disabled: true", null)]
    [InlineData("buffer: {max_request_bytes: 7}", 7)]
    public void A_route_switches_the_buffer_off_or_gives_it_another_limit(string settings, int? bytes) =>
        First($"{{{Type}buffer.v3.BufferPerRoute, {settings}}}").Settings.Should().Be(new BufferRouteSettings(bytes));

    [Fact]
    public void Settings_may_stand_in_a_wrapper() =>
        First($"{{\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, config: {Buffer(7)}}}").Should().Be(new RouteFilterConfig("f", Disabled: false, new BufferRouteSettings(7)));

    [Fact]
    public void Limits_of_what_is_kept_of_a_body_go_from_the_virtual_host_to_the_route()
    {
        var table = Routes("""
            name: r
            virtual_hosts:
            - name: h
              domains: ["*"]
              per_request_buffer_limit_bytes: 10
              routes:
              - { match: { prefix: /a }, route: { cluster: c } }
              - { match: { prefix: /b }, route: { cluster: c }, per_request_buffer_limit_bytes: 20 }
              - { match: { prefix: /c }, route: { cluster: c }, per_request_buffer_limit_bytes: 20, request_body_buffer_limit: 30 }
            """, out _);

        table!.VirtualHosts[0].Routes.ToArray().Select(static route => route.Forward!.RequestBodyBufferLimit).Should().Equal(10, 20, 30);
    }

    private static RouteFilterConfig First(string settings)
    {
        var table = Routes($$"""{ name: r, virtual_hosts: [ { name: h, domains: ["*"], routes: [ { match: { prefix: / }, route: { cluster: c }, typed_per_filter_config: { f: {{settings}} } } ] } ] }""", out var problems);
        problems.Should().BeEmpty();
        return table!.VirtualHosts[0].Routes[0].Source.FilterConfigs.Should().ContainSingle().Subject;
    }

    private static string Buffer(int bytes) => $"{{{Type}buffer.v3.BufferPerRoute, buffer: {{max_request_bytes: {bytes}}}}}";

    private static HttpFilterConfig[] Filters(string yaml, out string[] problems)
    {
        var found = new TranslationProblems();
        var message = FromYaml.Message<HttpConnectionManager>($"{{ stat_prefix: x, http_filters: {yaml} }}");
        HttpFilterConfig[] filters = [.. HttpFiltersTranslator.Translate(message, found, ConfigPath.Root, out _)];
        problems = [.. found.Found.Select(static problem => problem.ToString())];
        return filters;
    }

    private static RouteTable? Routes(string yaml, out string[] problems)
    {
        var found = new TranslationProblems();
        var table = RouteConfigurationTranslator.Translate(FromYaml.Message<Envoy.Config.Route.V3.RouteConfiguration>(yaml), found);
        problems = [.. found.Found.Concat(found.Ignored).Select(static problem => problem.ToString())];
        return table;
    }
}

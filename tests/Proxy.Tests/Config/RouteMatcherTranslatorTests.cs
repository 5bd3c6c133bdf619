using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tests.Routing;
using KubeProxyNet.Testing;
using RouteConfigurationMessage = Envoy.Config.Route.V3.RouteConfiguration;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Matcher trees as the routes of a virtual host (Envoy documentation, "HTTP route matching with the matching API"), as people write them, down to what a request meets.</summary>
public sealed class RouteMatcherTranslatorTests
{
    private const string ByHeader = "input: { name: h, typed_config: { \"@type\": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: x-env } }";
    private const string ByPath = "input: { name: p, typed_config: { \"@type\": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: ':path' } }";
    private const string ByQuery = "input: { name: q, typed_config: { \"@type\": type.googleapis.com/envoy.type.matcher.v3.HttpRequestQueryParamMatchInput, query_param: v } }";

    [Theory]
    [InlineData("x-env: prod", "prod")]
    [InlineData("x-env: stage", "stage")]
    [InlineData("x-env: production", "rest")]
    [InlineData("x-env: a\r\nx-env: b", "both")]
    [InlineData("x-other: prod", "rest")]
    public void A_map_goes_by_the_exact_value(string header, string cluster) => Taken(
        $"matcher_tree: {{ {ByHeader}, exact_match_map: {{ map: {{ prod: {To("prod")}, stage: {To("stage")}, 'a,b': {To("both")} }} }} }}, on_no_match: {To("rest")}",
        header).Should().Be(cluster);

    [Theory]
    [InlineData("/", "root")]
    [InlineData("/api", "api")]
    [InlineData("/api/v2/x", "v2")]
    [InlineData("/other", "root")]
    public void Of_prefixes_the_longest_goes_first(string path, string cluster) => Taken(
        $"matcher_tree: {{ {ByPath}, prefix_match_map: {{ map: {{ /: {To("root")}, /api: {To("api")}, /api/v2/: {To("v2")} }} }} }}", "x: y", path).Should().Be(cluster);

    [Fact]
    public void A_longer_prefix_that_leads_to_nothing_leaves_the_request_to_a_shorter_one()
    {
        var inner = $"{{ matcher: {{ matcher_tree: {{ {ByHeader}, exact_match_map: {{ map: {{ prod: {To("api")} }} }} }} }} }}";
        var matcher = $"matcher_tree: {{ {ByPath}, prefix_match_map: {{ map: {{ /: {To("root")}, /api: {inner} }} }} }}";

        Taken(matcher, "x-env: prod", "/api").Should().Be("api");
        Taken(matcher, "x-env: test", "/api").Should().Be("root");
    }

    [Theory]
    [InlineData("x-env: prod", "/?v=2", "both")]
    [InlineData("x-env: prod", "/", "one")]
    [InlineData("x-env: test", "/?v=2", "one")]
    [InlineData("x-env: test", "/", "neither")]
    [InlineData("x: y", "/", "neither")]
    public void A_list_tries_conditions_in_their_order(string header, string target, string cluster)
    {
        var prod = $"{{ single_predicate: {{ {ByHeader}, value_match: {{ prefix: PR, ignore_case: true }} }} }}";
        var second = $"{{ single_predicate: {{ {ByQuery}, value_match: {{ safe_regex: {{ regex: '[2-9]' }} }} }} }}";
        string[] entries =
        [
            $"{{ predicate: {{ and_matcher: {{ predicate: [ {prod}, {second} ] }} }}, on_match: {To("both")} }}",
            $"{{ predicate: {{ not_matcher: {{ and_matcher: {{ predicate: [ {{ not_matcher: {prod} }}, {{ not_matcher: {second} }} ] }} }} }}, on_match: {To("one")} }}",
            $"{{ predicate: {{ or_matcher: {{ predicate: [ {prod}, {{ not_matcher: {prod} }} ] }} }}, on_match: {To("neither")} }}",
        ];
        Taken($"matcher_list: {{ matchers: [ {string.Join(", ", entries)} ] }}", header, target).Should().Be(cluster);
    }

    [Fact]
    public void The_routes_of_a_leaf_are_tried_in_their_order_and_must_match()
    {
        var list = """
            { action: { name: a, typed_config: { "@type": type.googleapis.com/envoy.config.route.v3.RouteList, routes: [
              { match: { prefix: /a }, route: { cluster: a } }, { match: { path: /b }, route: { cluster: b } } ] } } }
            """.ReplaceLineEndings(" ");
        var matcher = $"matcher_tree: {{ {ByHeader}, exact_match_map: {{ map: {{ x: {list} }} }} }}, on_no_match: {To("rest")}";

        Taken(matcher, "x-env: x", "/a1").Should().Be("a");
        Taken(matcher, "x-env: x", "/b").Should().Be("b");

        // As in Envoy: the leaf was reached, and the search does not begin anew.
        Taken(matcher, "x-env: x", "/c").Should().BeNull();
        Taken(matcher, "x-env: y", "/c").Should().Be("rest");
    }

    [Fact]
    public void A_match_that_keeps_matching_does_not_end_the_search() => Taken(
        $"matcher_tree: {{ {ByHeader}, exact_match_map: {{ map: {{ x: {To("x", ", keep_matching: true")} }} }} }}, on_no_match: {To("rest")}", "x-env: x").Should().Be("rest");

    [Fact]
    public void Without_a_match_there_is_no_route() =>
        Taken($"matcher_tree: {{ {ByHeader}, exact_match_map: {{ map: {{ x: {To("x")} }} }} }}", "x-env: y").Should().BeNull();

    [Theory]
    [InlineData("x-env: 10.1.2.3", "in")]
    [InlineData("x-env: 2001:db8::7", "in")]
    [InlineData("x-env: ::ffff:10.0.0.1", "in")]
    [InlineData("x-env: 11.0.0.1", "out")]
    [InlineData("x-env: 10.1.2.3, 10.1.2.4", "out")]
    [InlineData("x-env: 10.1.2.3\r\nx-env: 10.1.2.4", "out")]
    [InlineData("x-env: me", "out")]
    [InlineData("x-other: 10.1.2.3", "out")]
    public void A_condition_holds_for_addresses_in_its_blocks(string header, string cluster) => Taken(
        $"matcher_list: {{ matchers: [ {{ predicate: {{ single_predicate: {{ {ByHeader}, {InBlocks} }} }}, on_match: {To("in")} }} ] }}, on_no_match: {To("out")}", header).Should().Be(cluster);

    [Fact]
    public void Values_that_are_no_address_are_counted()
    {
        var table = Table($"matcher_list: {{ matchers: [ {{ predicate: {{ single_predicate: {{ {ByHeader}, {InBlocks} }} }}, on_match: {To("in")} }} ] }}")!;
        var registry = new StatRegistry();
        table.BindStats(registry);

        foreach (var header in (string[])["x-env: me", "x-env: 10.0.0.1", "x-env: 10.0.0.1:80", "x-other: me", "x-env: "])
        {
            table.TryMatch(Head("/", header), RuntimeValues.Empty, 0, out _);
        }

        registry.Collect().Values.Should().Contain(static counter => counter.Name == "clients.ip_parsing_failed" && counter.Value == 2);
    }

    [Theory]
    [InlineData("10.1.2.3", "/", "host")]
    [InlineData("10.1.2.4", "/", "small")]
    [InlineData("10.1.9.9", "/", "big")]
    [InlineData("10.200.0.1", "/", "big")]
    [InlineData("11.0.0.1", "/", "rest")]
    [InlineData("fd00::1", "/", "six")]
    [InlineData("no address", "/", "rest")]
    public void A_tree_of_blocks_goes_by_the_longest_prefix(string address, string target, string cluster) => Taken(
        Blocks($"{Block("10.0.0.0/8", To("big"))}, {Block("10.1.2.0/24", To("small"))}, {Block("10.1.2.3/32", To("host"))}, {Block("fd00::/8", To("six"))}"), $"x-env: {address}", target).Should().Be(cluster);

    [Fact]
    public void A_block_that_leads_to_nothing_leaves_the_request_to_a_shorter_one_unless_that_is_exclusive()
    {
        var nothing = "{ matcher: { matcher_list: { matchers: [] } } }";

        Taken(Blocks($"{Block("10.0.0.0/8", To("big"))}, {Block("10.1.0.0/16", nothing)}"), "x-env: 10.1.2.3").Should().Be("big");
        Taken(Blocks($"{Block("10.0.0.0/8", To("big"), ", exclusive: true")}, {Block("10.1.0.0/16", nothing)}"), "x-env: 10.1.2.3").Should().Be("rest");
        Taken(Blocks($"{Block("10.0.0.0/8", To("big"), ", exclusive: true")}, {Block("10.1.0.0/16", nothing)}"), "x-env: 10.2.2.3").Should().Be("big");
    }

    [Fact]
    public void An_explanation_names_the_routes_that_a_block_leads_to()
    {
        var table = Table(Blocks($"{Block("10.0.0.0/8", To("big"))}, {Block("0.0.0.0/0", To("all"))}"))!;
        var trace = new RecordingTrace();

        table.TryMatch(Head("/", "x-env: 11.0.0.1"), RuntimeValues.Empty, 0, ref trace, out _);

        trace.Steps.Select(static step => step.Text).Should().ContainInOrder("the matcher of virtual host 'h' leads to h[2] all", "route h[2] all taken: prefix '/'");
    }

    [Fact]
    public void A_search_allocates_nothing_and_its_cost_does_not_grow_with_the_table()
    {
        var map = string.Join(", ", Enumerable.Range(0, 5_000).Select(static i => $"/service-{i}/: {To($"c{i}")}"));
        var table = Table($"matcher_tree: {{ {ByPath}, prefix_match_map: {{ map: {{ {map} }} }} }}")!;
        var head = Head("/service-4321/x", "x: y");
        table.TryMatch(head, RuntimeValues.Empty, 0, out var found).Should().BeTrue();
        found.PickCluster().Name.Should().Be("c4321");

        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                table.TryMatch(head, RuntimeValues.Empty, 0, out _);
            }
        }).Should().Be(0);
    }

    [Fact]
    public void An_explanation_names_the_routes_that_the_matcher_leads_to()
    {
        var table = Table($"matcher_tree: {{ {ByHeader}, exact_match_map: {{ map: {{ x: {To("x")}, y: {To("y")} }} }} }}")!;
        var trace = new RecordingTrace();

        table.TryMatch(Head("/", "x-env: y"), RuntimeValues.Empty, 0, ref trace, out _);

        trace.Steps.Select(static step => step.Text).Should().ContainInOrder("the matcher of virtual host 'h' leads to h[1] y", "route h[1] y taken: prefix '/'");
    }

    [Theory]
    [InlineData("routes: [ { match: { prefix: / }, route: { cluster: c } } ], matcher: { matcher_list: { matchers: [] } }", "virtual_hosts[0].routes: excludes matcher, which is set too; keep one of the two")]
    [InlineData("matcher: { matcher_tree: { input: { name: p, typed_config: { '@type': type.googleapis.com/envoy.config.route.v3.Route } }, exact_match_map: { map: {} } } }", "virtual_hosts[0].matcher.matcher_tree.input.typed_config: is no input that is known here; use an envoy.type.matcher.v3.HttpRequestHeaderMatchInput or HttpRequestQueryParamMatchInput")]
    [InlineData("matcher: { on_no_match: { action: { name: a, typed_config: { '@type': type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput } } } }", "virtual_hosts[0].matcher.on_no_match.action.typed_config: a match leads to routes; use an envoy.config.route.v3.Route or RouteList")]
    [InlineData("matcher: { matcher_list: { matchers: [ { predicate: {}, on_match: { matcher: {} } } ] } }", "virtual_hosts[0].matcher.matcher_list.matchers[0].predicate: is no condition; add one of single_predicate, or_matcher, and_matcher and not_matcher")]
    [InlineData("matcher: { matcher_tree: { input: { name: p, typed_config: { '@type': type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: x } }, custom_match: { name: m, typed_config: { '@type': type.googleapis.com/envoy.config.route.v3.Route } } } }", "virtual_hosts[0].matcher.matcher_tree.custom_match.typed_config: is no matcher of a tree that is known here; use an xds.type.matcher.v3.IPMatcher")]
    [InlineData("matcher: { matcher_list: { matchers: [ { predicate: { single_predicate: { input: { name: p, typed_config: { '@type': type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: x } }, custom_match: { name: m, typed_config: { '@type': type.googleapis.com/envoy.config.route.v3.Route } } } }, on_match: { matcher: {} } } ] } }", "virtual_hosts[0].matcher.matcher_list.matchers[0].predicate.single_predicate.custom_match.typed_config: is no condition that is known here; use an envoy.extensions.matching.input_matchers.ip.v3.Ip")]
    [InlineData("matcher: { on_no_match: { action: { name: a, typed_config: { '@type': type.googleapis.com/envoy.config.route.v3.Route, match: { safe_regex: { regex: '(' } }, route: { cluster: c } } } } }", "virtual_hosts[0].matcher.on_no_match.action.typed_config.match.safe_regex.regex")]
    public void What_cannot_be_done_is_named_with_path_and_remedy(string fields, string problem)
    {
        var problems = new TranslationProblems();

        RouteConfigurationTranslator.Translate(FromYaml.Message<RouteConfigurationMessage>($"{{ name: r, virtual_hosts: [ {{ name: h, domains: ['*'], {fields} }} ] }}"), problems);

        problems.Found.Select(static found => found.ToString()).Should().Contain(found => found.StartsWith(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void Matchers_have_a_greatest_depth()
    {
        var nested = "{ matcher_list: { matchers: [] } }";
        for (var i = 0; i < 20; i++)
        {
            nested = $"{{ on_no_match: {{ matcher: {nested} }} }}";
        }

        var problems = new TranslationProblems();
        RouteConfigurationTranslator.Translate(FromYaml.Message<RouteConfigurationMessage>($"{{ name: r, virtual_hosts: [ {{ name: h, domains: ['*'], matcher: {nested} }} ] }}"), problems);

        problems.Found.Should().ContainSingle().Which.Message.Should().Be("matchers stand more than 16 deep in each other");
    }

    private static string To(string cluster, string more = "") =>
        $"{{ action: {{ name: a, typed_config: {{ \"@type\": type.googleapis.com/envoy.config.route.v3.Route, name: {cluster}, match: {{ prefix: / }}, route: {{ cluster: {cluster} }} }} }}{more} }}";

    private const string InBlocks = "custom_match: { name: i, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.matching.input_matchers.ip.v3.Ip, stat_prefix: clients, cidr_ranges: [ { address_prefix: 10.0.0.0, prefix_len: 8 }, { address_prefix: '2001:db8::', prefix_len: 32 } ] } }";

    private static string Blocks(string blocks) =>
        $"matcher_tree: {{ {ByHeader}, custom_match: {{ name: t, typed_config: {{ \"@type\": type.googleapis.com/xds.type.matcher.v3.IPMatcher, range_matchers: [ {blocks} ] }} }} }}, on_no_match: {To("rest")}";

    private static string Block(string block, string outcome, string more = "") =>
        $"{{ ranges: [ {{ address_prefix: '{block[..block.IndexOf('/')]}', prefix_len: {block[(block.IndexOf('/') + 1)..]} }} ], on_match: {outcome}{more} }}";

    private static RouteTable? Table(string matcher)
    {
        var problems = new TranslationProblems();
        var table = RouteConfigurationTranslator.Translate(FromYaml.Message<RouteConfigurationMessage>($"{{ name: r, virtual_hosts: [ {{ name: h, domains: ['*'], matcher: {{ {matcher} }} }} ] }}"), problems);
        problems.Found.Concat(problems.Ignored).Should().BeEmpty();
        return table;
    }

    private static string? Taken(string matcher, string header, string target = "/") =>
        Table(matcher)!.TryMatch(Head(target, header), RuntimeValues.Empty, 0, out var found) ? found.PickCluster().Name : null;

    /// <summary>A request with header lines, separated as on the wire.</summary>
    private static RequestHead Head(string target, string headers) => RequestHeads.Create("GET", target, "a", headers.Split("\r\n"));
}

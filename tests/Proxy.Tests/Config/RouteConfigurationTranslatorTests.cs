using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tests.Routing;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Route configurations as people write them, down to what a request meets.</summary>
public sealed class RouteConfigurationTranslatorTests
{
    private static Proto.RouteConfiguration Load(string yaml) => FromYaml.Message<Proto.RouteConfiguration>(yaml);

    private static RouteTable Translate(string yaml)
    {
        var problems = new TranslationProblems();
        var table = RouteConfigurationTranslator.Translate(Load(yaml), problems);
        problems.Found.Concat(problems.Ignored).Should().BeEmpty();
        return table!;
    }

    /// <summary>A table of one virtual host with these routes, a list in YAML.</summary>
    private static RouteTable Routes(string routes) => Translate($$"""
        name: r
        virtual_hosts:
        - name: h
          domains: ["*"]
          routes: {{routes.ReplaceLineEndings(" ")}}
        """);

    private static Route First(string route) => Routes($"[{route}]").VirtualHosts[0].Routes[0].Source;

    private static ForwardAction Forward(string action) => (ForwardAction)First($"{{ match: {{ prefix: / }}, route: {{ cluster: c, {action} }} }}").Action;

    private static IReadOnlyList<ConfigProblem> ProblemsOf(Proto.RouteConfiguration message, out RouteTable? table, ConfigPath? place = null)
    {
        var problems = new TranslationProblems();
        table = RouteConfigurationTranslator.Translate(message, problems, place);
        return [.. problems.Found, .. problems.Ignored];
    }

    [Fact]
    public void Domains_paths_and_clusters_arrive()
    {
        var table = Translate("""
            name: shop
            virtual_hosts:
            - name: shop
              domains: ["shop.com", "*.shop.com"]
              routes:
              - { name: exact, match: { path: /exact }, route: { cluster: exact } }
              - { match: { path_separated_prefix: /items }, route: { cluster: items } }
              - { match: { safe_regex: { regex: "/v[0-9]+/.*" } }, route: { cluster: versions } }
              - { match: { prefix: /ANY, case_sensitive: false }, route: { cluster: any } }
              - { match: { prefix: / }, route: { weighted_clusters: { clusters: [ { name: a, weight: 1 }, { name: b, weight: 3 } ] } } }
            - name: rest
              domains: ["*"]
              require_tls: ALL
            """);
        table.Name.Should().Be("shop");
        string? Cluster(string target) => table.Cluster(RequestHeads.Create("GET", target, "www.shop.com"), random: 2);
        Cluster("/exact").Should().Be("exact");
        Cluster("/items/1").Should().Be("items");
        Cluster("/itemsize").Should().Be("b");
        Cluster("/v12/x").Should().Be("versions");
        Cluster("/any/x").Should().Be("any");
        table.ClusterNames.Should().Equal("exact", "items", "versions", "any", "a", "b");
        table.Match(RequestHeads.Get("http://other/")).Route.Redirect!.ResponseCode.Should().Be(301);
    }

    [Fact]
    public void Matchers_arrive()
    {
        var match = First("""
            {
              match: {
                prefix: /,
                runtime_fraction: { default_value: { numerator: 5, denominator: TEN_THOUSAND }, runtime_key: k },
                grpc: {},
                headers: [
                  { name: a, string_match: { prefix: x, ignore_case: true }, invert_match: true },
                  { name: b, range_match: { start: 1, end: 9 }, treat_missing_header_as_empty: true },
                  { name: c, present_match: false },
                  { name: d },
                  { name: e, exact_match: v },
                  { name: f, exact_match: "" },
                  { name: g, safe_regex_match: { regex: v+ } },
                  { name: h, contains_match: v },
                ],
                query_parameters: [ { name: p, string_match: { exact: "1" } }, { name: q, present_match: false }, { name: r } ],
              },
              route: { cluster: c }
            }
            """).Match;
        match.RuntimeFraction.Should().Be(new RuntimeFraction(5, 10_000, "k"));
        match.Headers.Should().Equal(
            new HeaderMatcher { Name = "a", Match = new HeaderString(StringMatcher.Prefix("x", ignoreCase: true)), Invert = true },
            new HeaderMatcher { Name = "b", Match = new HeaderRange(1, 9), TreatMissingHeaderAsEmpty = true },
            new HeaderMatcher { Name = "c", Match = new PresentHeader(false) },
            new HeaderMatcher { Name = "d", Match = new PresentHeader(true) },
            new HeaderMatcher { Name = "e", Match = new HeaderString(StringMatcher.Exact("v")) },
            new HeaderMatcher { Name = "f", Match = new HeaderString(StringMatcher.Prefix("")) },
            new HeaderMatcher { Name = "g", Match = new HeaderString(StringMatcher.Regex("v+")) },
            new HeaderMatcher { Name = "h", Match = new HeaderString(StringMatcher.Contains("v")) },
            new HeaderMatcher { Name = "content-type", Match = new HeaderString(StringMatcher.Regex(@"application/grpc(\+.*)?")) });
        match.QueryParameters.Should().Equal(
            new QueryParameterMatcher { Name = "p", Value = StringMatcher.Exact("1") },
            new QueryParameterMatcher { Name = "q", Present = false },
            new QueryParameterMatcher { Name = "r" });
    }

    [Fact]
    public void Timeouts_have_envoys_defaults_and_zero_means_none()
    {
        Forward("").Timeout.Should().Be(TimeSpan.FromSeconds(15));
        Forward("").IdleTimeout.Should().BeNull();
        Forward("timeout: 0s, idle_timeout: 1.5s, max_stream_duration: { max_stream_duration: 60s, grpc_timeout_header_max: 0s }").Should().Match<ForwardAction>(action =>
            action.Timeout == TimeSpan.Zero && action.IdleTimeout == TimeSpan.FromMilliseconds(1500) && action.MaxStreamDuration == TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void The_time_of_calls_comes_from_the_newer_settings_where_they_are_there()
    {
        Forward("").GrpcTimeout.Should().BeNull();
        Forward("timeout: 3s, max_grpc_timeout: 5s, grpc_timeout_offset: 1s").Should().Match<ForwardAction>(static action =>
            action.GrpcTimeout == new GrpcTimeoutPolicy(false) { Max = TimeSpan.FromSeconds(5), Offset = TimeSpan.FromSeconds(1) } && action.Timeout == TimeSpan.FromSeconds(3));
        Forward("timeout: 3s, max_grpc_timeout: 5s, max_stream_duration: { grpc_timeout_header_max: 7s, grpc_timeout_header_offset: 2s }").Should().Match<ForwardAction>(static action =>
            action.GrpcTimeout == new GrpcTimeoutPolicy(true) { Max = TimeSpan.FromSeconds(7), Offset = TimeSpan.FromSeconds(2) } && action.Timeout == TimeSpan.Zero);
    }

    [Fact]
    public void Upgrades_and_routes_for_CONNECT_arrive()
    {
        Forward("").Upgrades.Should().BeEmpty();
        Forward("upgrade_configs: [{ upgrade_type: websocket }, { upgrade_type: tcp, enabled: false }, { upgrade_type: CONNECT, connect_config: {} }]").Upgrades.Should().Equal(
            new UpgradeConfig("websocket"), new UpgradeConfig("tcp", Enabled: false), new UpgradeConfig("CONNECT", TerminatesConnect: true));
        First("{ match: { connect_matcher: {} }, route: { cluster: c } }").Match.Path.Should().Be(new ConnectPath());
    }

    [Fact]
    public void Rewrites_arrive()
    {
        Forward("prefix_rewrite: /x, cluster_not_found_response_code: NOT_FOUND, priority: HIGH, append_x_forwarded_host: true").Should().Match<ForwardAction>(action =>
            action.PrefixRewrite == "/x" && action.ClusterNotFoundResponseCode == 404 && action.Priority == RoutingPriority.High && action.AppendXForwardedHost);
        Forward("regex_rewrite: { pattern: { regex: a }, substitution: b }").RegexRewrite.Should().Be(new RegexSubstitution("a", "b"));
        Forward("host_rewrite_literal: h").HostRewrite.Should().Be(new HostRewriteLiteral("h"));
        Forward("host_rewrite_header: X-Host").HostRewrite.Should().Be(new HostRewriteHeader("X-Host"));
        Forward("auto_host_rewrite: true").HostRewrite.Should().Be(new AutoHostRewrite());
        Forward("auto_host_rewrite: false").HostRewrite.Should().BeNull();
        Forward("host_rewrite_path_regex: { pattern: { regex: a }, substitution: b }").HostRewrite.Should().Be(new HostRewritePathRegex(new RegexSubstitution("a", "b")));
    }

    [Fact]
    public void A_cluster_can_be_named_by_a_header() =>
        ((ForwardAction)First("{ match: { prefix: / }, route: { cluster_header: x-c } }").Action).Cluster.Should().Be(new ClusterFromHeader("x-c"));

    [Fact]
    public void Redirects_arrive()
    {
        var head = RequestHeads.Get("http://h:80/a/b?q");
        var output = new ArrayBufferWriter<byte>();
        var route = Routes("[ { match: { prefix: /a }, redirect: { https_redirect: true, prefix_rewrite: /x, response_code: PERMANENT_REDIRECT, strip_query: true } } ]").Match(head).Route;
        route.Redirect!.WriteLocation(head, output);
        Encoding.UTF8.GetString(output.WrittenSpan).Should().Be("https://h/x/b");
        route.Redirect.ResponseCode.Should().Be(308);
    }

    [Fact]
    public void Direct_responses_take_their_body_from_text_bytes_or_file()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "from file");
            string Body(string source)
            {
                var action = (DirectResponseAction)First($"{{ match: {{ prefix: / }}, direct_response: {{ status: 200, body: {source} }} }}").Action;
                return Encoding.UTF8.GetString(action.Body.Span);
            }

            Body("{ inline_string: text }").Should().Be("text");
            Body("{ inline_bytes: Ynl0ZXM= }").Should().Be("bytes");
            Body($"{{ filename: {file} }}").Should().Be("from file");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Header_rules_arrive_at_every_level()
    {
        var mutations = Translate("""
            name: r
            request_headers_to_remove: [x-all]
            virtual_hosts:
            - name: h
              domains: ["*"]
              request_headers_to_add: [ { header: { key: x-host, value: "1" }, append_action: ADD_IF_ABSENT } ]
              routes:
              - match: { prefix: / }
                route: { cluster: c }
                request_headers_to_add: [ { header: { key: x-route, value: "100%%" }, append: false } ]
                response_headers_to_remove: [server]
            """).Match(RequestHeads.Get("http://h/")).PickCluster();
        mutations.RequestMutations.Items.ToArray().Select(item => $"{Encoding.UTF8.GetString(item.Name)} {item.KeepsFields} {Encoding.UTF8.GetString(item.LinesIfAbsent)}").Should().Equal(
            "x-route False x-route: 100%\r\n", "x-host True x-host: 1\r\n", "x-all False ");
        mutations.ResponseMutations.Items.Length.Should().Be(1);
    }

    [Fact]
    public void Retry_policies_are_carried()
    {
        var message = Load("{ name: r, virtual_hosts: [ { name: h, domains: ['*'], routes: [ { match: { prefix: / }, route: { cluster: c } } ] } ] }");
        message.VirtualHosts[0].RetryPolicy = new Proto.RetryPolicy
        {
            RetryOn = "5xx, connect-failure,unavailable",
            NumRetries = 3,
            RetryBackOff = new() { BaseInterval = new() { Nanos = 1000 } },
        };
        ProblemsOf(message, out var table).Should().BeEmpty();
        var policy = table!.Match(RequestHeads.Get("http://h/")).Route.Forward!.RetryPolicy!;
        policy.RetryOn.Should().Be(RetryOn.ServerError | RetryOn.ConnectFailure | RetryOn.GrpcUnavailable);
        policy.NumRetries.Should().Be(3);
        policy.BackOffBase.Should().Be(TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public void What_cannot_be_used_is_refused_with_path_and_remedy()
    {
        var message = Load("""
            name: r
            virtual_hosts:
            - name: h
              domains: ["*"]
              routes:
              - { match: { prefix: /a }, route: { cluster: c } }
              - { match: { prefix: /b }, direct_response: { status: 200, body: { filename: /nonexistent/body } } }
            """);
        message.VirtualHosts[0].Routes[0].RequestHeadersToAdd.Add(new Envoy.Config.Core.V3.HeaderValueOption { Header = new() { Key = "x-ip", Value = "%DOWNSTREAM_REMOTE_ADRESS%" } });
        var problems = ProblemsOf(message, out var table, ConfigPath.Root.Field("route_config"));
        table.Should().BeNull();
        problems.Select(problem => problem.Path.ToString()).Should().Equal(
            "route_config.virtual_hosts[0].routes[1].direct_response.body.filename",
            "route_config.virtual_hosts[0].routes[0].request_headers_to_add[0].header.value");
        problems[1].ToString().Should().Contain("%DOWNSTREAM_REMOTE_ADRESS%");
        problems.Should().OnlyContain(problem => problem.Kind == ConfigProblemKind.Invalid && problem.Remedy.Length > 0);
    }

    [Fact]
    public void Unknown_retry_conditions_are_named_and_do_not_refuse_the_rest()
    {
        var message = Load("{ name: r, virtual_hosts: [ { name: h, domains: ['*'], retry_policy: { retry_on: 'reset,whim' }, routes: [ { match: { prefix: / }, route: { cluster: c } } ] } ] }");
        ProblemsOf(message, out var table).Select(static problem => problem.ToString()).Should().Equal(
            "virtual_hosts[0].retry_policy.retry_on: \"whim\" is not a condition known here; remove it or correct its spelling");
        table.Should().NotBeNull();
    }

    [Fact]
    public void Names_of_clusters_are_not_checked_in_what_discovery_delivers()
    {
        const string Yaml = "{ name: r, validate_clusters: true, virtual_hosts: [ { name: h, domains: ['*'], routes: [ { match: { prefix: / }, route: { cluster: c } } ] } ] }";
        ProblemsOf(Load(Yaml), out _).Select(static problem => problem.Path.ToString()).Should().Equal("validate_clusters");
        ProblemsOf(Load(Yaml), out _, ConfigPath.Root.Field("route_config")).Should().BeEmpty();
    }

    [Fact]
    public void The_runtime_shifts_the_weights_of_clusters()
    {
        var table = Routes("[ { match: { prefix: / }, route: { weighted_clusters: { runtime_key_prefix: split, clusters: [ { name: a, weight: 90 }, { name: b, weight: 10 } ] } } } ]");
        var head = RequestHeads.Get("http://h/");

        Share(RuntimeValues.Empty).Should().Be(10);
        Share(Values(("split.a", "50"), ("split.b", "50"))).Should().Be(50);
        Share(Values(("split.a", "0"))).Should().Be(100);
        Share(Values(("split.a", "0"), ("split.b", "0"))).Should().Be(10, "weights that are all zero are no weights");

        // Of a hundred requests that draw each number once.
        int Share(RuntimeValues values) => Enumerable.Range(0, 100).Count(random =>
            table.TryMatch(head, values, (ulong)random, out var match) && match.PickCluster(head, values).Name == "b");

        static RuntimeValues Values(params (string Key, string Text)[] values) =>
            new([new RuntimeLayer("x", values.ToFrozenDictionary(static value => value.Key, static value => RuntimeValue.OfText(value.Text)))]);
    }
}

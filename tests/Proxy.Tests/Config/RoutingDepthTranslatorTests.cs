using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using Proto = Envoy.Config.Route.V3;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Mirrors, internal redirects, path templates and statistics of routes, from messages to records.</summary>
public sealed class RoutingDepthTranslatorTests
{
    private const string Predicates = "type.googleapis.com/envoy.extensions.internal_redirect.";

    private static (RouteTable? Table, string[] Problems) Translate(string route, string host = "", string all = "")
    {
        var message = FromYaml.Message<Proto.RouteConfiguration>($$"""
            name: r
            {{all}}
            virtual_hosts:
            - name: h
              domains: ["*"]
              {{host}}
              routes:
              - {{route.ReplaceLineEndings(" ")}}
            """);
        var problems = new TranslationProblems();
        var table = RouteConfigurationTranslator.Translate(message, problems);
        return (table, [.. problems.Found.Concat(problems.Ignored).Select(static problem => problem.Path.ToString())]);
    }

    private static ForwardAction Forward(string fields) => (ForwardAction)Good($"{{ match: {{ prefix: / }}, route: {{ cluster: c, {fields} }} }}").VirtualHosts[0].Routes[0].Source.Action;

    private static RouteTable Good(string route, string host = "", string all = "")
    {
        var (table, problems) = Translate(route, host, all);
        problems.Should().BeEmpty();
        return table!;
    }

    [Fact]
    public void Mirrors_arrive_from_every_level()
    {
        var table = Good(
            "{ match: { prefix: / }, route: { cluster: c, request_mirror_policies: [{ cluster: m, runtime_fraction: { default_value: { numerator: 7, denominator: TEN_THOUSAND } } }, { cluster_header: x, disable_shadow_host_suffix_append: true, trace_sampled: false }] } }",
            "request_mirror_policies: [{ cluster: v }]",
            "request_mirror_policies: [{ cluster: a }]");

        table.Source.MirrorPolicies.Should().Equal(new RequestMirrorPolicy { Cluster = "a" });
        table.VirtualHosts[0].Source.MirrorPolicies.Should().Equal(new RequestMirrorPolicy { Cluster = "v" });
        ((ForwardAction)table.VirtualHosts[0].Routes[0].Source.Action).MirrorPolicies.Should().Equal(
            new RequestMirrorPolicy { Cluster = "m", Fraction = new RuntimeFraction(7, 10_000) }, new RequestMirrorPolicy { ClusterHeader = "x", DisablesShadowHostSuffix = true });
    }

    [Theory]
    [InlineData("request_mirror_policies: [{}]", "request_mirror_policies[0]")]
    [InlineData("request_mirror_policies: [{ cluster: a, cluster_header: b }]", "request_mirror_policies[0]")]
    [InlineData("internal_redirect_policy: { response_headers_to_copy: [host] }", "internal_redirect_policy.response_headers_to_copy[0]")]
    [InlineData("internal_redirect_policy: { redirect_response_codes: [301, 302, 303, 307, 308, 302] }", "internal_redirect_policy.redirect_response_codes")]
    [InlineData("internal_redirect_policy: { predicates: [{ name: x }] }", "internal_redirect_policy.predicates[0]")]
    [InlineData("internal_redirect_policy: { redirect_response_codes: [200] }", "internal_redirect_policy.redirect_response_codes[0]")]
    [InlineData("path_rewrite_policy: { name: x }", "path_rewrite_policy")]
    public void What_a_route_cannot_do_is_named(string fields, string path) =>
        Translate($"{{ match: {{ prefix: / }}, route: {{ cluster: c, {fields} }} }}").Problems.Should().Equal($"virtual_hosts[0].routes[0].route.{path}");

    [Fact]
    public void Redirect_policies_arrive_with_envoys_defaults()
    {
        Forward("").InternalRedirects.Should().BeNull();
        var defaults = Forward("internal_redirect_policy: {}").InternalRedirects!;
        defaults.MaxInternalRedirects.Should().Be(1);
        defaults.ResponseCodes.Should().Equal(302);
        var full = Forward($$"""
            internal_redirect_policy: { max_internal_redirects: 4, redirect_response_codes: [301, 308], allow_cross_scheme_redirect: true, response_headers_to_copy: [x-a], predicates: [
              { name: a, typed_config: { "@type": {{Predicates}}allow_listed_routes.v3.AllowListedRoutesConfig, allowed_route_names: [one] } },
              { name: b, typed_config: { "@type": {{Predicates}}previous_routes.v3.PreviousRoutesConfig } },
              { name: c, typed_config: { "@type": {{Predicates}}safe_cross_scheme.v3.SafeCrossSchemeConfig } } ] }
            """).InternalRedirects!;
        full.MaxInternalRedirects.Should().Be(4);
        full.ResponseCodes.Should().Equal(301, 308);
        full.AllowsCrossSchemeRedirect.Should().BeTrue();
        full.ResponseHeadersToCopy.Should().Equal("x-a");
        full.Predicates.Select(static predicate => predicate.GetType()).Should().Equal(typeof(AllowListedRoutesPredicate), typeof(PreviousRoutesPredicate), typeof(SafeCrossSchemePredicate));
    }

    [Fact]
    public void The_deprecated_form_of_internal_redirects_still_counts()
    {
        Forward("max_internal_redirects: 5").InternalRedirects.Should().BeNull();
        Forward("internal_redirect_action: HANDLE_INTERNAL_REDIRECT, max_internal_redirects: 5").InternalRedirects!.MaxInternalRedirects.Should().Be(5);
    }

    [Fact]
    public void Templates_statistics_and_headers_arrive()
    {
        const string Template = "type.googleapis.com/envoy.extensions.path.";
        var table = Good(
            $$"""
            { stat_prefix: s, match: { path_match_policy: { name: m, typed_config: { "@type": {{Template}}match.uri_template.v3.UriTemplateMatchConfig, path_template: "/{a}" } } }, route: {
              weighted_clusters: { header_name: x-draw, clusters: [{ name: c, weight: 1 }] },
              path_rewrite_policy: { name: r, typed_config: { "@type": {{Template}}rewrite.uri_template.v3.UriTemplateRewriteConfig, path_template_rewrite: "/b/{a}" } } } }
            """,
            "virtual_clusters: [{ name: v, headers: [{ name: ':method', string_match: { exact: POST } }] }]",
            "internal_only_headers: [x-in]");

        var route = table.VirtualHosts[0].Routes[0].Source;
        route.StatPrefix.Should().Be("s");
        route.Match.Path.Should().Be(new TemplatePath("/{a}"));
        var action = (ForwardAction)route.Action;
        action.TemplateRewrite.Should().Be("/b/{a}");
        ((WeightedClusters)action.Cluster).HeaderName.Should().Be("x-draw");
        table.VirtualHosts[0].Source.VirtualClusters.Single().Name.Should().Be("v");
        table.Source.InternalOnlyHeaders.Should().Equal("x-in");
    }

    [Theory]
    [InlineData("virtual_clusters: [{ name: v }]", "", "virtual_hosts[0].virtual_clusters[0].headers")]
    [InlineData("virtual_clusters: [{ headers: [{ name: x }] }]", "", "virtual_hosts[0].virtual_clusters[0].name")]
    [InlineData("request_mirror_policies: [{}]", "", "virtual_hosts[0].request_mirror_policies[0]")]
    [InlineData("", "request_mirror_policies: [{}]", "request_mirror_policies[0]")]
    [InlineData("", "internal_only_headers: [host]", "internal_only_headers[0]")]
    public void What_a_virtual_host_or_all_of_them_cannot_do_is_named(string host, string all, string path) =>
        Translate("{ match: { prefix: / }, direct_response: { status: 200 } }", host, all).Problems.Should().Equal(path);
}

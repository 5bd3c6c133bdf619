using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using MetadataMessage = Envoy.Config.Core.V3.Metadata;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>What clusters say of subsets, sessions and peak EWMA, and routes of metadata.</summary>
public sealed class SubsetTranslatorTests
{
    private const string Policies = "type.googleapis.com/envoy.extensions.load_balancing_policies.";

    private const string Fields = "fallback_policy: DEFAULT_SUBSET, default_subset: {stage: prod}, subset_selectors: [{keys: [version, stage], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [stage]}, {keys: [id], single_host_per_subset: true}], locality_weight_aware: true, scale_locality_weight: true, panic_mode_any: true, list_as_any: true, metadata_fallback_policy: FALLBACK_LIST";

    private static SubsetOptions Expected => new(new ValueList<SubsetSelector>(
    [
        new SubsetSelector(new ValueList<string>(["stage", "version"])) { Fallback = SubsetSelectorFallback.KeysSubset, FallbackKeys = new ValueList<string>(["stage"]) },
        new SubsetSelector(new ValueList<string>(["id"])) { SingleHostPerSubset = true },
    ]))
    {
        Fallback = SubsetFallback.DefaultSubset,
        DefaultSubset = new MetadataMatch([new MetadataLabel("stage", "\"prod\"")]),
        IsLocalityWeightAware = true,
        ScalesLocalityWeight = true,
        PanicModeAny = true,
        ListAsAny = true,
        UsesFallbackList = true,
    };

    [Fact]
    public void Subsets_arrive_in_both_forms()
    {
        Good($"lb_subset_config: {{{Fields}}}").Balancing.Subsets.Should().Be(Expected);
        var typed = Good(Typed($"{Policies}subset.v3.Subset", $", allow_redundant_keys: true, {Fields}, subset_lb_policy: {{policies: [{{typed_extension_config: {{name: m, typed_config: {{'@type': {Policies}maglev.v3.Maglev}}}}}}]}}"));
        typed.LoadBalancing.Should().Be(LoadBalancingPolicy.Maglev);
        typed.Balancing.Subsets.Should().Be(Expected with { AllowsRedundantKeys = true });
    }

    [Fact]
    public void Without_selectors_there_are_no_subsets() => Good("lb_subset_config: {fallback_policy: NO_FALLBACK}").Balancing.Subsets.Should().BeNull();

    [Theory]
    [InlineData("{keys: []}", "keys: a selector needs keys, none of them empty; name the metadata under envoy.lb that makes subsets")]
    [InlineData("{keys: [a, b], single_host_per_subset: true}", "single_host_per_subset: goes with one key, and there are 2; leave one key, or leave it out")]
    [InlineData("{keys: [a, b], fallback_keys_subset: [a]}", "fallback_keys_subset: has no effect without fallback_policy KEYS_SUBSET; set that policy, or remove it")]
    [InlineData("{keys: [a, b], fallback_policy: KEYS_SUBSET}", "fallback_keys_subset: is empty, which KEYS_SUBSET does not go with; name some of the selector's keys")]
    [InlineData("{keys: [a, b], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [c]}", "fallback_keys_subset: must be some of the selector's keys, and not all of them; name fewer")]
    [InlineData("{keys: [a, b], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [b, a]}", "fallback_keys_subset: must be some of the selector's keys, and not all of them; name fewer")]
    public void A_selector_that_cannot_be_is_refused_by_field(string selector, string problem) =>
        Problems($"lb_subset_config: {{subset_selectors: [{selector}]}}").Should().Equal("lb_subset_config.subset_selectors[0]." + problem);

    [Fact]
    public void The_two_forms_exclude_each_other() =>
        Problems(Typed($"{Policies}random.v3.Random", "") + ", lb_subset_config: {subset_selectors: [{keys: [a]}]}").Should().Equal(
            "lb_subset_config: does not go with load_balancing_policy; use the policy envoy.load_balancing_policies.subset");

    [Fact]
    public void Peak_ewma_arrives_and_a_decay_time_of_nothing_is_refused()
    {
        const string Type = "type.googleapis.com/kpn.load_balancing_policies.peak_ewma.v3.PeakEwma";
        var config = Good(Typed(Type, ", decay_time: 5s, choice_count: 3"));
        config.LoadBalancing.Should().Be(LoadBalancingPolicy.PeakEwma);
        config.ChoiceCount.Should().Be(3);
        config.Balancing.DecayTime.Should().Be(TimeSpan.FromSeconds(5));
        var bare = Good(Typed(Type, ""));
        bare.Balancing.DecayTime.Should().Be(TimeSpan.FromSeconds(10));
        bare.ChoiceCount.Should().Be(2);
        Problems(Typed(Type, ", decay_time: 0s")).Should().ContainSingle().Which.Should().EndWith("typed_config.decay_time: must be above zero; write 10s");
    }

    [Fact]
    public void Zones_arrive_in_both_forms()
    {
        Good("common_lb_config: {zone_aware_lb_config: {routing_enabled: {value: 12.6}, min_cluster_size: 3, fail_traffic_on_panic: true}}").Balancing.ZoneAware
            .Should().Be(new ZoneAwareOptions { RoutingEnabled = 13, MinClusterSize = 3, FailTrafficOnPanic = true });
        Good(Typed($"{Policies}random.v3.Random", ", locality_lb_config: {zone_aware_lb_config: {force_local_zone: {}, locality_basis: HEALTHY_HOSTS_WEIGHT}}")).Balancing.ZoneAware
            .Should().Be(new ZoneAwareOptions { ForceLocalZone = 1, ByWeight = true });
    }

    [Fact]
    public void The_health_that_sessions_ask_for_arrives()
    {
        Good("type: STATIC").OverrideHostStatus.Should().Be(HealthStatuses.Unknown | HealthStatuses.Healthy | HealthStatuses.Degraded);
        Good("common_lb_config: {override_host_status: {statuses: [HEALTHY, DRAINING]}}").OverrideHostStatus.Should().Be(HealthStatuses.Healthy | HealthStatuses.Draining);
        Good("common_lb_config: {override_host_status: {}}").OverrideHostStatus.Should().Be(HealthStatuses.None);
    }

    [Fact]
    public void A_weighted_clusters_values_go_before_those_of_its_route()
    {
        var route = Metadata("{stage: prod, version: '1'}");

        MetadataTranslator.Match(route, Metadata("{version: '2', canary: true}"))!.Labels.Should().Equal(
            new MetadataLabel("canary", "true"), new MetadataLabel("stage", "\"prod\""), new MetadataLabel("version", "\"2\""));
        MetadataTranslator.Match(route)!.Equals(MetadataTranslator.Match(Metadata("{version: '1', stage: prod}"))).Should().BeTrue();
        MetadataTranslator.Match(null, FromYaml.Message<MetadataMessage>("{filter_metadata: {other: {a: b}}}")).Should().BeNull();
    }

    [Fact]
    public void Each_element_of_a_fallback_list_stands_over_the_other_values()
    {
        var match = MetadataTranslator.Match(Metadata("{stage: prod, fallback_list: [{version: '2'}, {stage: dev}, {}]}"))!;

        match.Fallbacks!.Value.Select(static fallback => fallback.Text).Should().Equal("stage=\"prod\"\nversion=\"2\"", "stage=\"dev\"", "stage=\"prod\"");
    }

    private static MetadataMessage Metadata(string values) => FromYaml.Message<MetadataMessage>($"{{filter_metadata: {{envoy.lb: {values}}}}}");

    private static string Typed(string type, string fields) => $"load_balancing_policy: {{policies: [{{typed_extension_config: {{name: n, typed_config: {{'@type': {type}{fields}}}}}}}]}}";

    private static ClusterConfig Good(string fields)
    {
        var problems = new TranslationProblems();
        var translated = ClusterTranslator.Translate(FromYaml.Message<ClusterMessage>($"{{name: c, {fields}}}"), problems);
        problems.Found.Concat(problems.Ignored).Should().BeEmpty();
        return translated!.Config;
    }

    private static IEnumerable<string> Problems(string fields)
    {
        var problems = new TranslationProblems();
        ClusterTranslator.Translate(FromYaml.Message<ClusterMessage>($"{{name: c, {fields}}}"), problems).Should().BeNull();
        return problems.Found.Select(static problem => problem.ToString());
    }
}

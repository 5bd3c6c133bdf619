using AwesomeAssertions;
using Envoy.Config.Overload.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>The overload manager of a bootstrap.</summary>
public sealed class OverloadTranslatorTests
{
    private const string Types = "type.googleapis.com/envoy.extensions.resource_monitors";

    [Fact]
    public void Without_one_our_defaults_hold() => OverloadTranslator.Translate(null, new TranslationProblems(), ConfigPath.Root).Should().Be(OverloadConfig.Default);

    [Fact]
    public void Monitors_and_triggers_arrive()
    {
        var config = Translate($$"""
            refresh_interval: 0.5s
            resource_monitors:
            - name: envoy.resource_monitors.fixed_heap
              typed_config: { "@type": {{Types}}.fixed_heap.v3.FixedHeapConfig, max_heap_size_bytes: 100000000 }
            - name: envoy.resource_monitors.global_downstream_max_connections
              typed_config: { "@type": {{Types}}.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: 1000 }
            actions:
            - name: envoy.overload_actions.stop_accepting_requests
              triggers:
              - { name: envoy.resource_monitors.fixed_heap, scaled: { scaling_threshold: 0.8, saturation_threshold: 0.9 } }
            - name: envoy.overload_actions.disable_http_keepalive
              triggers:
              - { name: envoy.resource_monitors.global_downstream_max_connections, threshold: { value: 0.95 } }
            """, out var problems);

        problems.Should().BeEmpty();
        config.RefreshInterval.Should().Be(TimeSpan.FromMilliseconds(500));
        config.MaxMemoryBytes.Should().Be(100_000_000);
        config.MaxDownstreamConnections.Should().Be(1000);
        config.Actions.Should().Equal(
            new OverloadTrigger(KubeProxyNet.Proxy.Overload.OverloadAction.StopAcceptingRequests, OverloadResource.Memory, 0.8, 0.9),
            new OverloadTrigger(KubeProxyNet.Proxy.Overload.OverloadAction.DisableHttpKeepAlive, OverloadResource.DownstreamConnections, 0.95, 0.95));
    }

    [Fact]
    public void Connections_of_a_source_have_a_monitor_of_our_own_and_a_limit_on_all_goes_before_the_runtime()
    {
        const string Sources = "{name: s, typed_config: {'@type': type.googleapis.com/kpn.resource_monitors.source_connections.v3.SourceConnectionsConfig, max_active_connections_per_source: 7, ipv6_prefix_length: 56}}";
        var sources = Translate($"resource_monitors: [{Sources}]", out var problems);
        var all = Translate($"resource_monitors: [{{name: d, typed_config: {{'@type': {Types}.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: 9}}}}]", out _);

        problems.Should().BeEmpty();
        sources.SourceConnections.Should().Be(new SourceConnectionLimit(7, 32, 56));
        sources.FollowsRuntime.Should().BeTrue();
        all.FollowsRuntime.Should().BeFalse();
    }

    [Fact]
    public void What_does_not_exist_is_named_with_path_and_remedy()
    {
        Translate("""
            actions:
            - { name: envoy.overload_actions.fly, triggers: [] }
            - { name: envoy.overload_actions.shrink_heap, triggers: [{ name: nobody, threshold: { value: 0.5 } }] }
            """, out var problems);

        problems.Should().Equal("o.actions[0].name", "o.actions[1].triggers[0].name");
    }

    [Fact]
    public void A_threshold_above_one_is_refused()
    {
        Translate($$"""
            resource_monitors:
            - name: m
              typed_config: { "@type": {{Types}}.fixed_heap.v3.FixedHeapConfig, max_heap_size_bytes: 1000 }
            actions:
            - { name: envoy.overload_actions.shrink_heap, triggers: [{ name: m, threshold: { value: 95 } }] }
            """, out var problems);

        problems.Should().Equal("o.actions[0].triggers[0]");
    }

    private static OverloadConfig Translate(string yaml, out IReadOnlyList<string> problems)
    {
        var found = new TranslationProblems();
        var config = OverloadTranslator.Translate(FromYaml.Message<OverloadManager>(yaml), found, ConfigPath.Root.Field("o"));
        problems = [.. found.Found.Select(problem => problem.Path.ToString())];
        return config;
    }
}

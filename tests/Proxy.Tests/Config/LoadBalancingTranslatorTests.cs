using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Endpoint.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>What clusters say of load balancing, in the old words and in the new ones.</summary>
public sealed class LoadBalancingTranslatorTests
{
    private const string Policies = "type.googleapis.com/envoy.extensions.load_balancing_policies.";

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

    private static string Typed(string policy) => $"load_balancing_policy: {{policies: [{{typed_extension_config: {{name: n, typed_config: {{'@type': {Policies}{policy}}}}}}}]}}";

    [Fact]
    public void Without_settings_there_are_envoys_defaults() => Good("type: STATIC").Balancing.Should().Be(new LoadBalancerOptions
    {
        HealthyPanicThreshold = 50,
        IsLocalityWeighted = false,
        ActiveRequestBias = 1.0,
        MinimumRingSize = 1024,
        MaximumRingSize = 8_388_608,
        RingHashFunction = HashFunction.XxHash,
        MaglevTableSize = 65537,
        UseHostnameForHashing = false,
        HashBalanceFactor = 0,
    });

    [Fact]
    public void Options_of_all_policies_arrive() =>
        Good("lb_policy: RING_HASH, common_lb_config: {healthy_panic_threshold: {value: 12.5}, locality_weighted_lb_config: {}, consistent_hashing_lb_config: {use_hostname_for_hashing: true, hash_balance_factor: 150}}, ring_hash_lb_config: {minimum_ring_size: 64, maximum_ring_size: 128, hash_function: MURMUR_HASH_2}")
            .Should().Be(new ClusterConfig
            {
                Name = "c",
                LoadBalancing = LoadBalancingPolicy.RingHash,
                Balancing = new LoadBalancerOptions
                {
                    HealthyPanicThreshold = 13,
                    IsLocalityWeighted = true,
                    UseHostnameForHashing = true,
                    HashBalanceFactor = 150,
                    MinimumRingSize = 64,
                    MaximumRingSize = 128,
                    RingHashFunction = HashFunction.MurmurHash2,
                },
            });

    [Theory]
    [InlineData("round_robin.v3.RoundRobin", LoadBalancingPolicy.RoundRobin)]
    [InlineData("least_request.v3.LeastRequest", LoadBalancingPolicy.LeastRequest)]
    [InlineData("random.v3.Random", LoadBalancingPolicy.Random)]
    [InlineData("ring_hash.v3.RingHash", LoadBalancingPolicy.RingHash)]
    [InlineData("maglev.v3.Maglev", LoadBalancingPolicy.Maglev)]
    public void A_typed_policy_goes_before_the_old_one(string typed, LoadBalancingPolicy policy)
    {
        var config = Good($"lb_policy: {(policy == LoadBalancingPolicy.Maglev ? "RANDOM" : "MAGLEV")}, common_lb_config: {{healthy_panic_threshold: {{value: 0}}}}, {Typed(typed)}");

        config.LoadBalancing.Should().Be(policy);
        config.Balancing.Should().Be(new LoadBalancerOptions { HealthyPanicThreshold = 0 });
    }

    [Fact]
    public void Options_of_typed_policies_arrive()
    {
        var least = Good(Typed("least_request.v3.LeastRequest, choice_count: 7, active_request_bias: {default_value: 0.5}, locality_lb_config: {locality_weighted_lb_config: {}}"));
        least.ChoiceCount.Should().Be(7);
        least.Balancing.Should().Be(new LoadBalancerOptions { ActiveRequestBias = 0.5, IsLocalityWeighted = true });
        Good(Typed("ring_hash.v3.RingHash, minimum_ring_size: 10, maximum_ring_size: 20, hash_function: MURMUR_HASH_2, use_hostname_for_hashing: true, hash_balance_factor: 120, locality_weighted_lb_config: {}")).Balancing.Should().Be(new LoadBalancerOptions
        {
            MinimumRingSize = 10,
            MaximumRingSize = 20,
            RingHashFunction = HashFunction.MurmurHash2,
            UseHostnameForHashing = true,
            HashBalanceFactor = 120,
            IsLocalityWeighted = true,
        });
        Good(Typed("maglev.v3.Maglev, table_size: 251, consistent_hashing_lb_config: {use_hostname_for_hashing: true, hash_balance_factor: 130}")).Balancing
            .Should().Be(new LoadBalancerOptions { MaglevTableSize = 251, UseHostnameForHashing = true, HashBalanceFactor = 130 });
    }

    [Fact]
    public void Localities_by_weight_wrap_another_policy()
    {
        var config = Good(Typed($"wrr_locality.v3.WrrLocality, endpoint_picking_policy: {{policies: [{{typed_extension_config: {{name: n, typed_config: {{'@type': {Policies}least_request.v3.LeastRequest, choice_count: 3}}}}}}]}}"));
        config.LoadBalancing.Should().Be(LoadBalancingPolicy.LeastRequest);
        config.ChoiceCount.Should().Be(3);
        config.Balancing.IsLocalityWeighted.Should().BeTrue();
    }

    [Theory]
    [InlineData("round_robin_lb_config: {slow_start_config: {slow_start_window: 60s, aggression: {default_value: 2.0}, min_weight_percent: {value: 5}}}")]
    [InlineData("lb_policy: LEAST_REQUEST, least_request_lb_config: {slow_start_config: {slow_start_window: 60s, aggression: {default_value: 2.0}, min_weight_percent: {value: 5}}}")]
    [InlineData("load_balancing_policy: {policies: [{typed_extension_config: {name: n, typed_config: {'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin, slow_start_config: {slow_start_window: 60s, aggression: {default_value: 2.0}, min_weight_percent: {value: 5}}}}}]}")]
    [InlineData("load_balancing_policy: {policies: [{typed_extension_config: {name: n, typed_config: {'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest, slow_start_config: {slow_start_window: 60s, aggression: {default_value: 2.0}, min_weight_percent: {value: 5}}}}}]}")]
    public void Slow_start_arrives(string fields) => Good(fields).Balancing.SlowStart.Should().Be(new SlowStart(TimeSpan.FromSeconds(60), 2.0, 5.0));

    [Theory]
    [InlineData("round_robin_lb_config: {slow_start_config: {slow_start_window: 1s, aggression: {default_value: 0}}}", "round_robin_lb_config.slow_start_config.aggression.default_value: is no number above 0; write 1.0 for a straight line")]
    [InlineData("lb_policy: MAGLEV, maglev_lb_config: {table_size: 65536}", "maglev_lb_config.table_size: 65536 is no prime number; write a prime, such as 65537")]
    [InlineData("lb_policy: RING_HASH, ring_hash_lb_config: {maximum_ring_size: 100}", "ring_hash_lb_config.maximum_ring_size: 100 is less than minimum_ring_size, which is 1024; make it greater, or set minimum_ring_size as well")]
    [InlineData("least_request_lb_config: {active_request_bias: {default_value: -1}}", "least_request_lb_config.active_request_bias.default_value: is no number of 0 or more; write 1.0, or 0.0 to leave requests under way out of account")]
    [InlineData("load_balancing_policy: {}", "load_balancing_policy: names no policy; add one of round_robin, least_request, random, ring_hash, maglev, wrr_locality, subset or kpn.load_balancing_policies.peak_ewma")]
    [InlineData("load_balancing_policy: {policies: [{typed_extension_config: {name: a.b, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}}]}", "load_balancing_policy: none of its policies is supported: a.b; add one of round_robin, least_request, random, ring_hash, maglev, wrr_locality, subset or kpn.load_balancing_policies.peak_ewma")]
    public void What_cannot_be_done_is_named_with_path_and_remedy(string fields, string problem) => Problems(fields).Should().Equal(problem);

    [Fact]
    public void A_fault_of_a_typed_policy_has_its_path() =>
        Problems(Typed("maglev.v3.Maglev, table_size: 100")).Should().Equal(
            "load_balancing_policy.policies[0].typed_extension_config.typed_config.table_size: 100 is no prime number; write a prime, such as 65537");

    [Fact]
    public void What_an_assignment_says_of_health_arrives()
    {
        EndpointTranslator.PolicyOf(null).Should().Be(new AssignmentPolicy { OverprovisioningFactor = 140, WeightedPriorityHealth = false });
        EndpointTranslator.PolicyOf(FromYaml.Message<ClusterLoadAssignment>("{cluster_name: c, policy: {overprovisioning_factor: 100, weighted_priority_health: true}}"))
            .Should().Be(new AssignmentPolicy { OverprovisioningFactor = 100, WeightedPriorityHealth = true });
    }

    [Fact]
    public async Task A_discovered_assignment_brings_its_policy()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(ConfiguredProxy.Discovered("c"));
        proxy.Assignments(FromYaml.Message<ClusterLoadAssignment>("""
            cluster_name: c
            policy: {overprovisioning_factor: 100}
            endpoints:
            - priority: 0
              lb_endpoints:
              - {endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 1}}}}
              - {health_status: UNHEALTHY, endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 2}}}}
            - priority: 1
              lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 3}}}}]
            """));

        proxy.Snapshot.Clusters["c"].LoadBalancer.Should().BeOfType<PriorityBalancer>("half of the load spills, where nothing is overprovisioned");
        proxy.Stat("cluster.c.membership_healthy").Should().Be(2);
    }

    [Fact]
    public async Task A_bootstrap_may_name_policies_that_nobody_here_knows_before_one_that_is_known()
    {
        await using var one = ScriptedBackend.Start(BackendScripts.Echo());
        await using var two = ScriptedBackend.Start(BackendScripts.Echo());
        await using var server = await StartAsync(Bootstrap($$$"""
            load_balancing_policy:
              policies:
              - typed_extension_config:
                  name: example.unknown
                  typed_config: {"@type": type.googleapis.com/example.v1.Unknown, anything: {at: [all]} }
              - typed_extension_config:
                  name: envoy.load_balancing_policies.maglev
                  typed_config: {"@type": {{{Policies}}}maglev.v3.Maglev, table_size: 251}
            """, "hash_policy: [{query_parameter: {name: user}}]", one.Port, two.Port));
        var port = server.ListenerAddress("l")!.Port;

        var first = new List<string>();
        var second = new List<string>();
        for (var user = 0; user < 16; user++)
        {
            first.Add(EchoedRequest.From(await RawHttpClient.GetAsync(port, $"/?user={user}")).Backend);
            second.Add(EchoedRequest.From(await RawHttpClient.GetAsync(port, $"/?user={user}")).Backend);
        }

        second.Should().Equal(first);
        first.Distinct().Should().HaveCount(2);
    }

    [Fact]
    public void A_bootstrap_whose_policies_are_all_unknown_is_refused_by_name()
    {
        var loaded = Load(Bootstrap("""
            load_balancing_policy:
              policies: [{typed_extension_config: {name: example.unknown, typed_config: {"@type": type.googleapis.com/example.v1.Unknown, a: b} } }]
            """, "", 1));

        BootstrapCheck.Faults(loaded.Value!, loaded.Places).Should().ContainSingle()
            .Which.Should().Contain("static_resources.clusters[0].load_balancing_policy: none of its policies is supported: example.unknown;");
    }

    private static string Bootstrap(string cluster, string route, params int[] ports) => $$$"""
        admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0} } }
        static_resources:
          clusters:
          - name: c
            type: STATIC
            {{{cluster.ReplaceLineEndings("\n    ")}}}
            load_assignment:
              cluster_name: c
              endpoints:
              - lb_endpoints:
                {{{string.Join("\n        ", ports.Select(static port => $"- {{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}"))}}}
          listeners:
          - name: l
            address: {socket_address: {address: 127.0.0.1, port_value: 0} }
            filter_chains:
            - filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: s
                  route_config:
                    virtual_hosts:
                    - name: h
                      domains: ["*"]
                      routes:
                      - match: {prefix: /}
                        route:
                          cluster: c
                          {{{route}}}
                  http_filters:
                  - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
        """;

    private static LoadResult<Bootstrap> Load(string yaml)
    {
        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Select(static error => error.ToString()).Should().BeEmpty();
        return loaded;
    }

    private static async Task<ProxyServer> StartAsync(string yaml)
    {
        var loaded = Load(yaml);
        var server = await ProxyServer.StartAsync(
            new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1 }, NullLoggerFactory.Instance);
        await server.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        return server;
    }
}

using System.Net;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Dns;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using DnsLookupFamily = Envoy.Config.Cluster.V3.Cluster.Types.DnsLookupFamily;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class DnsSettingsTests
{
    private const string Cares = "name: cares, typed_config: {'@type': type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, ";

    [Fact]
    public void Settings_have_envoys_defaults()
    {
        var settings = Good("type: STRICT_DNS");
        settings.Should().Be(new DnsSettings());
        settings.Refresh.Should().Be(TimeSpan.FromSeconds(5));
        settings.WaitForWarm.Should().BeTrue();
        settings.Family.Should().Be(DnsLookupFamily.Auto);
    }

    [Fact]
    public void Settings_arrive() =>
        Good("type: STRICT_DNS, dns_refresh_rate: 30s, respect_dns_ttl: true, dns_jitter: 2s, wait_for_warm_on_init: false, dns_lookup_family: ALL, dns_failure_refresh_rate: {base_interval: 1s, max_interval: 4s}")
            .Should().Be(new DnsSettings
            {
                Refresh = TimeSpan.FromSeconds(30),
                RespectTtl = true,
                Jitter = TimeSpan.FromSeconds(2),
                WaitForWarm = false,
                Family = DnsLookupFamily.All,
                Failure = new DnsBackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)),
            });

    [Fact]
    public void Settings_arrive_in_the_type_of_the_cluster_as_well()
    {
        const string Fields = "dns_refresh_rate: 30s, respect_dns_ttl: true, dns_jitter: 2s, dns_lookup_family: ALL, dns_failure_refresh_rate: {base_interval: 1s, max_interval: 4s}";
        var settings = Good($"cluster_type: {{name: envoy.cluster.dns, typed_config: {{'@type': type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster, {Fields}, typed_dns_resolver_config: {{{Cares}resolvers: [{{socket_address: {{address: 10.0.0.10, port_value: 53}}}}]}}}}}}}}");
        settings.Resolver!.Resolvers.Should().ContainSingle();
        (settings with { Resolver = null }).Should().Be(Good($"type: STRICT_DNS, {Fields}"));
        Good("cluster_type: {name: envoy.cluster.dns, typed_config: {'@type': type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster}}").Should().Be(new DnsSettings());
    }

    [Theory]
    [InlineData("name: envoy.cluster.strict_dns", "StrictDns")]
    [InlineData("name: envoy.cluster.logical_dns", "LogicalDns")]
    [InlineData("name: envoy.cluster.static", "Static")]
    [InlineData("name: envoy.cluster.dns, typed_config: {'@type': type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster}", "StrictDns")]
    [InlineData("name: envoy.cluster.dns, typed_config: {'@type': type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster, all_addresses_in_single_endpoint: true}", "LogicalDns")]
    public void A_cluster_may_name_its_type(string type, string source) =>
        ClusterTranslator.Translate(Message($"cluster_type: {{{type}}}"), new TranslationProblems())!.Source.ToString().Should().Be(source);

    [Fact]
    public void The_longest_wait_after_failures_is_ten_times_the_first() =>
        Good("type: STRICT_DNS, dns_failure_refresh_rate: {base_interval: 2s}").Failure!.Max.Should().Be(TimeSpan.FromSeconds(20));

    [Theory]
    [InlineData("dns_failure_refresh_rate: {base_interval: 2s, max_interval: 1s}", "dns_failure_refresh_rate.max_interval: is shorter than base_interval; write base_interval or more, or leave it out for ten times that")]
    [InlineData("dns_failure_refresh_rate: {base_interval: 0s}", "dns_failure_refresh_rate.base_interval: is shorter than a millisecond; write 1s or more")]
    [InlineData("cluster_type: {name: envoy.cluster.dns, typed_config: {'@type': type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster, dns_refresh_rate: 0s}}", "cluster_type.typed_config.dns_refresh_rate: is shorter than a millisecond; write 1s or more")]
    [InlineData("dns_resolvers: [{socket_address: {address: dns.test, port_value: 53}}]", "dns_resolvers[0].socket_address.address: \"dns.test\" is no IP address; write the address of a DNS server, whose name nobody could resolve")]
    [InlineData("dns_resolution_config: {resolvers: [{socket_address: {address: dns.test, port_value: 53}}]}", "dns_resolution_config.resolvers[0].socket_address.address: \"dns.test\" is no IP address; write the address of a DNS server, whose name nobody could resolve")]
    [InlineData("typed_dns_resolver_config: {" + Cares + "resolvers: [{socket_address: {address: dns.test, port_value: 53}}]}}", "typed_dns_resolver_config.typed_config.resolvers[0].socket_address.address: \"dns.test\" is no IP address; write the address of a DNS server, whose name nobody could resolve")]
    [InlineData("typed_dns_resolver_config: {name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}", "typed_dns_resolver_config.typed_config: names no DNS resolver that is known here; use envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig")]
    public void What_cannot_be_done_is_named_with_path_and_remedy(string fields, string problem)
    {
        var problems = new TranslationProblems();
        DnsSettingsTranslator.Translate(Message(fields), problems);
        problems.Found.Select(static found => found.ToString()).Should().Equal(problem);
    }

    [Fact]
    public void A_cluster_without_servers_asks_those_of_the_bootstrap() => Good("type: STRICT_DNS").Resolver.Should().BeNull();

    [Theory]
    [InlineData("dns_resolvers: [{socket_address: {address: 10.0.0.10, port_value: 5353}}], use_tcp_for_dns_lookups: true")]
    [InlineData("dns_resolution_config: {resolvers: [{socket_address: {address: 10.0.0.10, port_value: 5353}}], dns_resolver_options: {use_tcp_for_dns_lookups: true}}")]
    [InlineData("typed_dns_resolver_config: {" + Cares + "resolvers: [{socket_address: {address: 10.0.0.10, port_value: 5353}}], dns_resolver_options: {use_tcp_for_dns_lookups: true}}}")]
    [InlineData("dns_resolvers: [{socket_address: {address: 10.0.0.11, port_value: 53}}], typed_dns_resolver_config: {" + Cares + "resolvers: [{socket_address: {address: 10.0.0.10, port_value: 5353}}], dns_resolver_options: {use_tcp_for_dns_lookups: true}}}")]
    public void Servers_may_be_written_in_three_ways(string fields)
    {
        var options = DnsResolverTranslator.OptionsOf(Good($"type: STRICT_DNS, {fields}").Resolver!);
        options.Servers.Should().Equal(IPEndPoint.Parse("10.0.0.10:5353"));
        options.UseTcp.Should().BeTrue();
    }

    [Fact]
    public void Options_of_the_resolver_arrive()
    {
        var options = DnsResolverTranslator.OptionsOf(Good("type: STRICT_DNS, typed_dns_resolver_config: {" + Cares
            + "resolvers: [{socket_address: {address: '::1', port_value: 0}}], use_resolvers_as_fallback: true, filter_unroutable_families: true, query_timeout_seconds: 2, query_tries: 3, rotate_nameservers: true, edns0_max_payload_size: 4096, dns_resolver_options: {no_default_search_domain: true}}}").Resolver!);
        options.Should().BeEquivalentTo(new DnsQueryOptions
        {
            Servers = [IPEndPoint.Parse("[::1]:53")],
            UseServersAsFallback = true,
            OnlyRoutableFamilies = true,
            NoSearch = true,
            Timeout = TimeSpan.FromSeconds(2),
            Tries = 3,
            Rotate = true,
            PayloadSize = 4096,
        });
    }

    [Fact]
    public void The_resolver_of_the_system_may_be_asked_for() =>
        DnsResolverTranslator.OptionsOf(Good("type: STRICT_DNS, typed_dns_resolver_config: {name: system, typed_config: {'@type': type.googleapis.com/envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig, num_retries: 1}}").Resolver!)
            .Should().BeEquivalentTo(new DnsQueryOptions { Tries = 2 });

    [Fact]
    public void A_bootstrap_says_for_all()
    {
        var bootstrap = FromYaml.Message<Bootstrap>("{use_tcp_for_dns_lookups: true, typed_dns_resolver_config: {" + Cares + "resolvers: [{socket_address: {address: 10.0.0.10, port_value: 53}}]}}}");
        DnsResolverTranslator.OptionsOf(DnsResolverTranslator.OfBootstrap(bootstrap, new TranslationProblems())).Servers.Should().ContainSingle();
        DnsResolverTranslator.OptionsOf(DnsResolverTranslator.OfBootstrap(new Bootstrap { UseTcpForDnsLookups = true }, new TranslationProblems())).UseTcp.Should().BeTrue();
        DnsResolverTranslator.OptionsOf(DnsResolverTranslator.OfBootstrap(new Bootstrap(), new TranslationProblems())).Should().BeEquivalentTo(new DnsQueryOptions());
    }

    [Fact]
    public void Clusters_that_ask_in_the_same_way_share_a_resolver()
    {
        var resolvers = new DnsResolvers(new(), new SystemNames(TimeProvider.System, "host"), TimeProvider.System, CancellationToken.None);
        var one = resolvers.Of(Good("type: STRICT_DNS, dns_resolvers: [{socket_address: {address: 10.0.0.10, port_value: 53}}]").Resolver);
        resolvers.Of(Good("type: STRICT_DNS, dns_refresh_rate: 1s, dns_resolvers: [{socket_address: {address: 10.0.0.10, port_value: 53}}]").Resolver).Should().BeSameAs(one);
        resolvers.Of(null).Should().NotBeSameAs(one).And.BeSameAs(resolvers.Of(null));
    }

    private static DnsSettings Good(string fields)
    {
        var problems = new TranslationProblems();
        var settings = DnsSettingsTranslator.Translate(Message(fields), problems);
        problems.Found.Should().BeEmpty();
        return settings;
    }

    private static ClusterMessage Message(string fields) => FromYaml.Message<ClusterMessage>($"{{name: c, {fields}, load_assignment: {{cluster_name: c}}}}");
}

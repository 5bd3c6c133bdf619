using System.Globalization;
using System.Net;
using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;
using static KubeProxyNet.Proxy.Tests.Dns.ScriptedNameserver;

namespace KubeProxyNet.Proxy.Tests.Dns;

/// <summary>Running proxies whose clusters are names that a DNS server of the test answers.</summary>
public sealed class DnsClusterTests : IAsyncDisposable
{
    private const string Name = "app.test";

    private readonly ScriptedNameserver _names = new();
    private readonly ScriptedBackend _first = ScriptedBackend.Start(BackendScripts.Echo(), "first");
    private readonly ScriptedBackend _second;
    private ProxyServer? _proxy;
    private bool _isFirstStopped;

    public DnsClusterTests() => _second = ScriptedBackend.Start(BackendScripts.Echo(), "second", IPAddress.Parse("127.0.0.2"), _first.Port);

    private int Port => _proxy!.ListenerAddress("l")!.Port;

    public async ValueTask DisposeAsync()
    {
        if (_proxy is not null)
        {
            await _proxy.DisposeAsync();
        }

        await StopFirstAsync();
        await _second.DisposeAsync();
        await _names.DisposeAsync();
    }

    [Fact]
    public async Task Every_address_of_a_strict_name_is_an_endpoint()
    {
        _names.SetAddresses(Name, 60, "127.0.0.2", "127.0.0.1");
        await StartAsync("type: STRICT_DNS");
        (await BackendAsync()).Should().NotBe(await BackendAsync(), "they take turns");
        (await StatAsync("cluster.c.membership_total")).Should().Be(2);
        (await StatAsync("cluster.c.update_attempt")).Should().BeGreaterThan(0);
        (await StatAsync("cluster.c.update_success")).Should().BeGreaterThan(0);
    }

    [Fact]
    public async Task Endpoints_follow_the_name_and_what_stays_the_same_changes_nothing()
    {
        _names.SetAddresses(Name, 3600, "127.0.0.1");
        await StartAsync("type: STRICT_DNS, dns_refresh_rate: 0.02s");
        (await BackendAsync()).Should().Be("first");
        await Patience.UntilAsync(async () => await StatAsync("cluster.c.update_no_rebuild") > 2, "answers that say the same");
        (await StatAsync("cluster.c.membership_change")).Should().Be(1);

        _names.SetAddresses(Name, 3600, "127.0.0.2");
        await Patience.UntilAsync(async () => await BackendAsync() == "second", "the new address");
    }

    [Fact]
    public async Task The_order_of_the_answer_changes_nothing()
    {
        var turn = 0;
        _names.Set(Name, DnsRecordType.A, query => Records(
            DnsReplies.Address(Name, ++turn % 2 == 0 ? "127.0.0.1" : "127.0.0.2"), DnsReplies.Address(Name, turn % 2 == 0 ? "127.0.0.2" : "127.0.0.1"))(query));
        await StartAsync("type: STRICT_DNS, dns_refresh_rate: 0.02s, dns_lookup_family: V4_ONLY");
        await Patience.UntilAsync(() => _names.Queries.Count > 5, "more queries");
        (await StatAsync("cluster.c.membership_change")).Should().Be(1);
    }

    [Fact]
    public async Task A_name_may_be_asked_for_again_when_its_time_is_over()
    {
        _names.SetAddresses(Name, 1, "127.0.0.1");
        await StartAsync("type: STRICT_DNS, dns_refresh_rate: 3600s, respect_dns_ttl: true, dns_lookup_family: V4_ONLY");
        (await BackendAsync()).Should().Be("first");
        _names.SetAddresses(Name, 3600, "127.0.0.2");
        await Patience.UntilAsync(async () => await BackendAsync() == "second", "the new address");
        _names.Queries.Should().HaveCount(2);
    }

    [Fact]
    public async Task A_name_that_cannot_be_resolved_any_more_keeps_its_addresses_until_it_can_again()
    {
        _names.SetAddresses(Name, 0, "127.0.0.1");
        await StartAsync("type: STRICT_DNS, dns_refresh_rate: 0.02s, dns_lookup_family: V4_ONLY, dns_failure_refresh_rate: {base_interval: 0.01s, max_interval: 0.05s}");
        await FailsAsync(Code(DnsResponseCode.ServerFailure), "update_failure");
        await FailsAsync(static _ => [[0xFF]], null);
        await FailsAsync(Silence, null);

        _names.SetAddresses(Name, 0, "127.0.0.2");
        await Patience.UntilAsync(async () => await BackendAsync() == "second", "the new address");

        async Task FailsAsync(Func<ReceivedQuery, IEnumerable<byte[]>> script, string? counted)
        {
            var queries = _names.Queries.Count;
            var before = counted is null ? 0 : await StatAsync($"cluster.c.{counted}");
            _names.Set(Name, DnsRecordType.A, script);
            await Patience.UntilAsync(() => _names.Queries.Count > queries + 1, "queries");
            await Patience.UntilAsync(async () => counted is null || await StatAsync($"cluster.c.{counted}") > before, "the count");
            (await BackendAsync()).Should().Be("first");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_strict_name_that_has_no_address_any_more_gives_no_endpoint_until_it_has(bool exists)
    {
        _names.SetAddresses(Name, 0, "127.0.0.1");
        await StartAsync("type: STRICT_DNS, dns_refresh_rate: 0.02s, dns_lookup_family: V4_ONLY");
        (await BackendAsync()).Should().Be("first");

        _names.Set(Name, DnsRecordType.A, exists ? NoData(0, 0) : NameError(0, 0));
        await Patience.UntilAsync(async () => (await RawHttpClient.GetAsync(Port)).Status == 503, "a cluster without endpoints");
        (await StatAsync("cluster.c.update_empty")).Should().BePositive();

        _names.SetAddresses(Name, 0, "127.0.0.2");
        await Patience.UntilAsync(async () => (await RawHttpClient.GetAsync(Port)).Status == 200, "the new address");
        (await BackendAsync()).Should().Be("second");
    }

    [Fact]
    public async Task A_logical_name_that_has_no_address_any_more_keeps_its_endpoint()
    {
        _names.SetAddresses(Name, 0, "127.0.0.1");
        await StartAsync("type: LOGICAL_DNS, dns_refresh_rate: 0.02s, dns_lookup_family: V4_ONLY");
        (await BackendAsync()).Should().Be("first");

        _names.Set(Name, DnsRecordType.A, NameError(0, 0));
        await Patience.UntilAsync(async () => await StatAsync("cluster.c.update_failure") > 1, "answers without an address");
        (await BackendAsync()).Should().Be("first");
    }

    [Fact]
    public async Task A_new_connection_of_a_logical_name_goes_to_the_next_address_where_the_first_does_not_answer()
    {
        // Nobody listens at 127.0.0.3.
        _names.SetAddresses(Name, 60, "127.0.0.3", "127.0.0.2");
        await StartAsync("type: LOGICAL_DNS, dns_lookup_family: ALL");
        (await BackendAsync()).Should().Be("second");
        (await StatAsync("cluster.c.membership_total")).Should().Be(1);
        (await StatAsync("cluster.c.upstream_cx_connect_fail")).Should().Be(0);
    }

    [Fact]
    public async Task A_service_has_the_endpoints_that_its_records_name_with_ports_weights_and_priorities()
    {
        await using var third = ScriptedBackend.Start(BackendScripts.Echo(), "third");
        const string Service = "_http._tcp.app.test";
        _names.Set(Service, DnsRecordType.Srv, Records(
            new ServiceRecord(Service, 60, 10, 3, (ushort)_first.Port, "a.test"),
            new ServiceRecord(Service, 60, 10, 1, (ushort)third.Port, "a.test"),
            new ServiceRecord(Service, 60, 20, 0, (ushort)_first.Port, "b.test")));
        _names.SetAddresses("a.test", 60, "127.0.0.1");
        _names.SetAddresses("b.test", 60, "127.0.0.2");
        await StartAsync("type: STRICT_DNS", "", Assignment("c", Service));

        await _proxy!.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        (await StatAsync("cluster.c.membership_total")).Should().Be(3);
        var asked = new List<string>();
        for (var i = 0; i < 8; i++)
        {
            asked.Add(await BackendAsync());
        }

        asked.CountBy(static name => name).Should().BeEquivalentTo([KeyValuePair.Create("first", 6), KeyValuePair.Create("third", 2)], "the lower priority goes first");
        var clusters = (await RawHttpClient.GetAsync(_proxy.AdminAddress!.Port, "/clusters")).BodyText;
        clusters.Should().Contain($"c::127.0.0.2:{_first.Port}::priority::1").And.Contain($"c::127.0.0.2:{_first.Port}::hostname::b.test");
    }

    [Fact]
    public async Task A_service_follows_its_records_and_the_addresses_of_its_targets()
    {
        const string Service = "_http._tcp.app.test";
        _names.Set(Service, DnsRecordType.Srv, Records(new ServiceRecord(Service, 0, 0, 0, (ushort)_first.Port, "a.test")));
        _names.SetAddresses("a.test", 0, "127.0.0.1");
        await StartAsync("type: STRICT_DNS, dns_refresh_rate: 0.02s", "", Assignment("c", Service));
        (await BackendAsync()).Should().Be("first");

        _names.SetAddresses("a.test", 0, "127.0.0.2");
        await Patience.UntilAsync(async () => await BackendAsync() == "second", "the new address of the target");

        // RFC 2782: the root as target says that there is no such service.
        _names.Set(Service, DnsRecordType.Srv, Records(new ServiceRecord(Service, 0, 0, 0, 0, "")));
        await Patience.UntilAsync(async () => (await RawHttpClient.GetAsync(Port)).Status == 503, "a cluster without endpoints");
    }

    [Fact]
    public async Task A_service_whose_server_fails_keeps_its_endpoints()
    {
        const string Service = "_http._tcp.app.test";
        _names.Set(Service, DnsRecordType.Srv, Records(new ServiceRecord(Service, 0, 0, 0, (ushort)_first.Port, "a.test")));
        _names.SetAddresses("a.test", 0, "127.0.0.1");
        await StartAsync("type: STRICT_DNS, dns_refresh_rate: 0.02s, dns_lookup_family: V4_ONLY", "", Assignment("c", Service));
        (await BackendAsync()).Should().Be("first");

        _names.Set("a.test", DnsRecordType.A, Code(DnsResponseCode.ServerFailure));
        await Patience.UntilAsync(async () => await StatAsync("cluster.c.update_failure") > 1, "failures of the target");
        (await BackendAsync()).Should().Be("first");
        _names.Set(Service, DnsRecordType.Srv, Code(DnsResponseCode.ServerFailure));
        var failures = await StatAsync("cluster.c.update_failure");
        await Patience.UntilAsync(async () => await StatAsync("cluster.c.update_failure") > failures + 1, "failures of the service");
        (await BackendAsync()).Should().Be("first");
    }

    [Fact]
    public async Task A_logical_name_has_one_endpoint_and_only_new_connections_go_to_its_new_address()
    {
        _names.SetAddresses(Name, 60, "127.0.0.1", "127.0.0.2");
        await StartAsync("type: LOGICAL_DNS, dns_refresh_rate: 0.02s, dns_lookup_family: V4_ONLY");
        (await BackendAsync()).Should().Be("first");
        (await StatAsync("cluster.c.membership_total")).Should().Be(1);

        _names.SetAddresses(Name, 60, "127.0.0.2", "127.0.0.1");
        await Patience.UntilAsync(async () => (await RawHttpClient.GetAsync(_proxy!.AdminAddress!.Port, "/clusters")).BodyText.Contains($"127.0.0.2:{_first.Port}", StringComparison.Ordinal), "the new address");
        (await BackendAsync()).Should().Be("first", "its connection is still good");

        await StopFirstAsync();
        await Patience.UntilAsync(async () => (await RawHttpClient.GetAsync(Port)) is { Status: 200 } answer && EchoedRequest.From(answer).Backend == "second", "a new connection");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_silent_server_holds_up_nothing_but_the_start_and_that_only_if_wanted(bool waits)
    {
        _names.Otherwise = Silence;
        _names.SetAddresses(Name, 60, "127.0.0.1");
        await StartAsync("type: STRICT_DNS, dns_lookup_family: V4_ONLY", $"""
              - name: silent
                type: STRICT_DNS
                wait_for_warm_on_init: {(waits ? "true" : "false")}
                load_assignment: {Assignment("silent", "silent.test")}
            """);
        if (waits)
        {
            await Patience.UntilAsync(() => _names.QueriesFor("silent.test", DnsRecordType.Aaaa).Length > 0, "the query");
            _proxy!.Ready.IsCompleted.Should().BeFalse();
        }
        else
        {
            await _proxy!.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        }

        await Patience.UntilAsync(async () => (await RawHttpClient.GetAsync(Port)).Status == 200, "the other cluster");
        (await RawHttpClient.GetAsync(Port, "/silent")).Status.Should().Be(503);
    }

    [Fact]
    public async Task A_cluster_may_ask_a_server_of_its_own()
    {
        await using var own = new ScriptedNameserver();
        own.SetAddresses(Name, 60, "127.0.0.2");
        _names.SetAddresses(Name, 60, "127.0.0.1");
        await StartAsync(string.Create(CultureInfo.InvariantCulture, $"type: STRICT_DNS, dns_resolvers: [{{socket_address: {{address: 127.0.0.1, port_value: {own.Port}}}}}], use_tcp_for_dns_lookups: true"));
        (await BackendAsync()).Should().Be("second");
        own.Queries.Should().OnlyContain(static query => query.IsTcp);
        _names.Queries.Should().BeEmpty();
    }

    [Fact]
    public async Task A_cluster_of_several_names_is_warm_with_the_first_answer()
    {
        _names.Set("slow.test", DnsRecordType.A, Silence);
        _names.SetAddresses(Name, 60, "127.0.0.1");
        await StartAsync("type: STRICT_DNS, dns_lookup_family: V4_ONLY", "", Assignment("c", "slow.test", Name));
        await _proxy!.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        (await BackendAsync()).Should().Be("first");
    }

    private async Task StopFirstAsync()
    {
        if (!_isFirstStopped)
        {
            _isFirstStopped = true;
            await _first.DisposeAsync();
        }
    }

    private async Task<string> BackendAsync()
    {
        await _proxy!.Ready.WaitAsync(Patience.Limit);
        var answer = await RawHttpClient.GetAsync(Port);
        answer.Status.Should().Be(200);
        return EchoedRequest.From(answer).Backend;
    }

    private async Task<long> StatAsync(string name)
    {
        var stats = (await RawHttpClient.GetAsync(_proxy!.AdminAddress!.Port, "/stats")).BodyText.Split('\n');
        return stats.FirstOrDefault(line => line.StartsWith(name + ": ", StringComparison.Ordinal)) is { } line ? long.Parse(line[(name.Length + 2)..], CultureInfo.InvariantCulture) : 0;
    }

    private string Assignment(string cluster, params string[] names) =>
        $"{{cluster_name: {cluster}, endpoints: [{{lb_endpoints: [{string.Join(", ", names.Select(name => $"{{endpoint: {{address: {{socket_address: {{address: {name}, port_value: {_first.Port}}}}}}}}}"))}]}}]}}";

    private async Task StartAsync(string cluster, string others = "", string? assignment = null)
    {
        var silent = others.Length > 0 ? "{match: {prefix: /silent}, route: {cluster: silent}}, " : "";
        var yaml = $$$"""
            admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0} } }
            typed_dns_resolver_config:
              name: envoy.network.dns_resolver.cares
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
                resolvers: [{socket_address: {address: 127.0.0.1, port_value: {{{_names.Port}}} } }]
                query_timeout_seconds: 1
                dns_resolver_options: {no_default_search_domain: true}
            static_resources:
              clusters:
              - {name: c, {{{cluster}}}, load_assignment: {{{assignment ?? Assignment("c", Name)}}} }
            {{{others}}}
              listeners:
              - name: l
                address: {socket_address: {address: 127.0.0.1, port_value: 0} }
                filter_chains:
                - filters:
                  - name: http
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: s
                      route_config: {virtual_hosts: [{name: h, domains: ["*"], routes: [{{{silent}}}{match: {prefix: /}, route: {cluster: c} }]}]}
                      http_filters:
                      - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
            """;
        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Should().BeEmpty();
        _proxy = await ProxyServer.StartAsync(new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1 }, NullLoggerFactory.Instance);
    }
}

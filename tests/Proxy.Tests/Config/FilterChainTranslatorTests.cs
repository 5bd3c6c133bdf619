using AwesomeAssertions;
using Envoy.Config.Listener.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Filter chains, listener filters and TCP proxies from xDS messages.</summary>
public sealed class FilterChainTranslatorTests
{
    private const string Address = "address: {socket_address: {address: 127.0.0.1, port_value: 443}}";

    private const string Tls = "transport_socket: {name: tls, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, "
        + "common_tls_context: {alpn_protocols: [h2, http/1.1], tls_certificate_sds_secret_configs: [{name: c, sds_config: {ads: {}}}]}}},";

    private static string Tcp(string fields = "cluster: c") =>
        $"filters: [{{name: tcp, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: s, {fields}}}}}]";

    private static string Http(string routes, string fields = "") =>
        "filters: [{name: http, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: s, "
        + $"rds: {{route_config_name: {routes}, config_source: {{ads: {{}}, initial_fetch_timeout: 3s}}}}, "
        + "http_filters: [{name: router, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}], " + fields + "}}]";

    private static string Chain(string filters, string more = "") => $"{{{more} {filters}}}";

    private static TranslatedListener? Translate(string fields, out TranslationProblems problems) =>
        ListenerTranslator.Translate(FromYaml.Message<Listener>($"{{name: l, {Address}, {fields}}}"), problems = new TranslationProblems());

    private static TranslatedListener Good(string fields)
    {
        var listener = Translate(fields, out var problems);
        problems.Found.Should().BeEmpty();
        return listener!;
    }

    private static string[] Problems(string fields)
    {
        Translate(fields, out var problems).Should().BeNull();
        return [.. problems.Found.Select(static problem => problem.ToString())];
    }

    [Theory]
    [InlineData("", "h2 http/1.1", HttpCodec.Auto, 0)]
    [InlineData("codec_type: HTTP2", "h2 http/1.1", HttpCodec.Http2, 0)]
    [InlineData("codec_type: HTTP1", "http/1.1", HttpCodec.Http1, 1)]
    public void Clients_are_offered_what_the_codec_speaks(string codec, string offered, HttpCodec expected, int ignored)
    {
        var listener = Translate($"filter_chains: [{Chain(Http("x", codec), Tls)}]", out var problems)!;
        problems.Found.Should().BeEmpty();
        problems.Ignored.Should().HaveCount(ignored);
        listener.Config.FilterChains[0].Http!.Codec.Should().Be(expected);
        ((DownstreamTlsPlan)listener.Tls[0]!).Settings.AlpnProtocols.Should().Equal(offered.Split(' '));
    }

    [Fact]
    public void What_is_passed_on_by_TCP_is_offered_as_it_stands() =>
        ((DownstreamTlsPlan)Good($"filter_chains: [{Chain(Tcp(), Tls)}]").Tls[0]!).Settings.AlpnProtocols.Should().Equal("h2", "http/1.1");

    [Theory]
    [InlineData("", 1024)]
    [InlineData("use_remote_address: true", 100)]
    [InlineData("use_remote_address: true, http2_protocol_options: {max_concurrent_streams: 7}", 7)]
    public void A_connection_at_the_edge_has_fewer_streams(string fields, int streams) =>
        Good($"filter_chains: [{Chain(Http("x", fields))}]").Config.FilterChains[0].Http!.Http2.MaxConcurrentStreams.Should().Be(streams);

    [Fact]
    public void The_limit_of_buffers_is_that_of_every_chain()
    {
        var config = Good($"per_connection_buffer_limit_bytes: 70000, filter_chains: [{Chain(Http("x"))}], default_filter_chain: {Chain(Http("y"))}").Config;
        config.AllFilterChains.Select(static chain => chain.Http!.Http2.MaxStreamWindow).Should().Equal(70_000, 70_000);
    }

    [Fact]
    public void Chains_keep_their_order_and_say_what_they_are_for()
    {
        var config = Good($$"""
            filter_chains: [
              {name: a, filter_chain_match: {server_names: [WWW.a, '*.b'], transport_protocol: tls, application_protocols: [h2], destination_port: 443, source_type: EXTERNAL,
                prefix_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}], source_prefix_ranges: [{address_prefix: '::1', prefix_len: 128}], source_ports: [7],
                direct_source_prefix_ranges: [{address_prefix: 1.2.3.4, prefix_len: 32}]}, transport_socket_connect_timeout: 2s, {{Http("x")}}},
              {name: b, {{Tcp()}}}],
            default_filter_chain: {{Chain(Http("y"))}}
            """).Config;
        config.FilterChains.Select(static chain => chain.Name).Should().Equal("a", "b");
        config.FilterChains[0].Http!.RouteConfigName.Should().Be("x");
        config.FilterChains[0].Http!.FilterChainName.Should().Be("a");
        config.FilterChains[0].TransportSocketConnectTimeout.Should().Be(TimeSpan.FromSeconds(2));
        config.FilterChains[1].TcpProxy!.Clusters.Should().Equal(new TcpClusterConfig("c"));
        config.DefaultFilterChain!.Http!.RouteConfigName.Should().Be("y");
        var match = config.FilterChains[0].Match;
        match.ServerNames.Should().Equal("www.a", "*.b");
        match.ApplicationProtocols.Should().Equal("h2");
        match.TransportProtocol.Should().Be("tls");
        match.DestinationPort.Should().Be(443);
        match.SourceType.Should().Be(ConnectionSourceType.External);
        match.SourcePorts.Should().Equal(7);
        (match.DestinationRanges.Count, match.SourceRanges.Count, match.DirectSourceRanges.Count).Should().Be((1, 1, 1));
    }

    [Fact]
    public void A_TCP_proxy_has_Envoys_defaults()
    {
        var proxy = Good($"filter_chains: [{Chain(Tcp())}]").Config.FilterChains[0].TcpProxy!;
        proxy.Should().BeEquivalentTo(new TcpProxyConfig { StatPrefix = "s", Clusters = [new TcpClusterConfig("c")] });
        (proxy.IdleTimeout, proxy.MaxConnectAttempts).Should().Be((TimeSpan.FromHours(1), 1));
    }

    [Fact]
    public void A_TCP_proxy_takes_its_settings()
    {
        var proxy = Good($"filter_chains: [{{name: n, {Tcp("weighted_clusters: {clusters: [{name: a, weight: 1}, {name: b, weight: 3}]}, idle_timeout: 0s, max_connect_attempts: 3, max_downstream_connection_duration: 5s")}}}]")
            .Config.FilterChains[0].TcpProxy!;
        proxy.Clusters.Should().Equal(new TcpClusterConfig("a"), new TcpClusterConfig("b", 3));
        (proxy.IdleTimeout, proxy.MaxConnectAttempts, proxy.MaxDownstreamConnectionDuration, proxy.FilterChainName).Should().Be((TimeSpan.Zero, 3, TimeSpan.FromSeconds(5), "n"));
    }

    [Fact]
    public void Listener_filters_come_in_their_order()
    {
        var config = Good($$$"""
            listener_filters: [
              {name: t, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector, max_client_hello_size: 512, close_connection_on_client_hello_parsing_errors: true}},
              {name: h, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector}}],
            listener_filters_timeout: 2s, continue_on_listener_filters_timeout: true, filter_chains: [{{{Chain(Tcp())}}}]
            """).Config;
        config.ListenerFilters.Should().Equal(new TlsInspectorConfig { MaxClientHelloBytes = 512, ClosesOnParsingErrors = true }, new HttpInspectorConfig());
        (config.ListenerFiltersTimeout, config.ContinueOnListenerFiltersTimeout).Should().Be((TimeSpan.FromSeconds(2), true));
        Good($"filter_chains: [{Chain(Tcp())}]").Config.ListenerFiltersTimeout.Should().Be(TimeSpan.FromSeconds(15));
    }

    [Fact]
    public void Chains_for_the_same_connections_are_refused_by_name() =>
        Problems($"filter_chains: [{{name: one, filter_chain_match: {{server_names: [a, b]}}, {Tcp()}}}, {{filter_chain_match: {{server_names: [A]}}, {Tcp()}}}]").Should().Equal(
            "filter_chains[1].filter_chain_match: multiple filter chains with the same matching rules are defined: filter_chains[1] and \"one\"; give each filter chain connections of its own");

    [Theory]
    [InlineData("server_names: ['*']", "server_names[0]: \"*\" is a partial wildcard; write a whole name, or \"*.\" and the end of the names")]
    [InlineData("server_names: [a, 'w*.a']", "server_names[1]: \"w*.a\" is a partial wildcard; write a whole name, or \"*.\" and the end of the names")]
    [InlineData("server_names: ['*.*.a']", "server_names[0]: \"*.*.a\" is a partial wildcard; write a whole name, or \"*.\" and the end of the names")]
    [InlineData("address_suffix: x", "address_suffix: is not implemented, in Envoy neither; use prefix_ranges")]
    [InlineData("suffix_len: 1", "suffix_len: is not implemented, in Envoy neither; use prefix_ranges")]
    public void What_no_match_can_say_is_refused(string match, string problem) =>
        Problems($"filter_chains: [{{filter_chain_match: {{{match}}}, {Tcp()}}}]").Should().Equal("filter_chains[0].filter_chain_match." + problem);

    [Fact]
    public void A_listener_asks_for_the_routes_of_all_its_chains()
    {
        var entry = new ListenerEntry(
            new Listener(),
            Good($"filter_chains: [{Chain(Http("x"))}, {Chain(Http("y"), "filter_chain_match: {destination_port: 1},")}], default_filter_chain: {Chain(Http("x"))}"),
            "",
            isStatic: false,
            default);
        entry.RouteNames.Should().Equal("x", "y");
        entry.Translated.RoutesTimeout.Should().Be(TimeSpan.FromSeconds(3));
    }
}

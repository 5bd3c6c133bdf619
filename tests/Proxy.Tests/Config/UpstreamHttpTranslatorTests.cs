using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Upstream;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class UpstreamHttpTranslatorTests
{
    private const string Key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    private const string Tls = "{name: tls, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext}}";
    private const string Plain = "{name: raw, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}";

    private static ClusterConfig Translate(string fields, out IEnumerable<string> problems)
    {
        var found = new TranslationProblems();
        var config = new UpstreamHttpTranslator(FromYaml.Message<ClusterMessage>($"{{name: c, {fields}}}"), found).Translate(new ClusterConfig { Name = "c" });
        problems = found.Found.Select(static problem => problem.ToString());
        return config;
    }

    private static ClusterConfig Good(string fields)
    {
        var config = Translate(fields, out var problems);
        problems.Should().BeEmpty();
        return config;
    }

    private static string Typed(string fields) => $"typed_extension_protocol_options: {{{Key}: {{'@type': type.googleapis.com/{Key}, {fields}}}}}";

    [Theory]
    [InlineData("", UpstreamProtocol.Http1)]
    [InlineData("http_protocol_options: {}", UpstreamProtocol.Http1)]
    [InlineData("http2_protocol_options: {}", UpstreamProtocol.Http2)]
    public void The_older_fields_say_which_version_is_spoken(string fields, object protocol) => Good(fields).Protocol.Should().Be((UpstreamProtocol)protocol);

    [Theory]
    [InlineData("", UpstreamProtocol.Http1)]
    [InlineData("explicit_http_config: {http_protocol_options: {}}", UpstreamProtocol.Http1)]
    [InlineData("explicit_http_config: {http2_protocol_options: {}}", UpstreamProtocol.Http2)]
    [InlineData("use_downstream_protocol_config: {http2_protocol_options: {}}", UpstreamProtocol.Downstream)]
    [InlineData("use_downstream_protocol_config: {http_protocol_options: {}}", UpstreamProtocol.Http1)]
    public void Protocol_options_say_which_version_is_spoken(string options, object protocol) => Good(Typed(options)).Protocol.Should().Be((UpstreamProtocol)protocol);

    [Fact]
    public void Protocol_options_leave_nothing_of_the_older_fields() =>
        Good("http2_protocol_options: {}, " + Typed("explicit_http_config: {http_protocol_options: {}}")).Protocol.Should().Be(UpstreamProtocol.Http1);

    [Theory]
    [InlineData("http2_protocol_options: {max_concurrent_streams: 7}", false)]
    [InlineData("explicit_http_config: {http2_protocol_options: {max_concurrent_streams: 7}}", true)]
    [InlineData("use_downstream_protocol_config: {http2_protocol_options: {max_concurrent_streams: 7}}", true)]
    public void Settings_of_http_2_arrive_with_the_limit_of_buffers(string fields, bool isTyped) =>
        Good("per_connection_buffer_limit_bytes: 70000, " + (isTyped ? Typed(fields) : fields)).Http2
            .Should().Be(new Http2Options { MaxConcurrentStreams = 7, InitialStreamWindow = 70_000, MaxStreamWindow = 70_000 });

    [Theory]
    [InlineData("", false, false)]
    [InlineData("http_protocol_options: {enable_trailers: true}", false, true)]
    [InlineData("explicit_http_config: {http_protocol_options: {enable_trailers: true}}", true, true)]
    [InlineData("explicit_http_config: {http_protocol_options: {}}", true, false)]
    [InlineData("use_downstream_protocol_config: {http_protocol_options: {enable_trailers: true}, http2_protocol_options: {}}", true, true)]
    [InlineData("explicit_http_config: {http2_protocol_options: {}}", true, false)]
    public void Trailers_of_http_1_pass_where_that_is_said(string fields, bool isTyped, bool pass) => Good(isTyped ? Typed(fields) : fields).EnablesTrailers.Should().Be(pass);

    [Fact]
    public void The_choice_by_ALPN_needs_TLS()
    {
        var auto = Typed("auto_config: {http2_protocol_options: {max_concurrent_streams: 7}}");
        var config = Good($"{auto}, transport_socket: {Tls}, transport_socket_matches: [{{name: a, transport_socket: {Tls}}}]");
        config.Protocol.Should().Be(UpstreamProtocol.Auto);
        config.Http2.MaxConcurrentStreams.Should().Be(7);

        var place = $"typed_extension_protocol_options[\"{Key}\"].auto_config";
        Translate(auto, out var plain);
        plain.Should().Equal($"{place}: the version is chosen by ALPN, and transport_socket is not TLS; use an UpstreamTlsContext there, or explicit_http_config");
        Translate($"{auto}, transport_socket: {Tls}, transport_socket_matches: [{{name: a, transport_socket: {Tls}}}, {{name: b, transport_socket: {Plain}}}]", out var match);
        match.Should().Equal($"{place}: the version is chosen by ALPN, and transport_socket_matches[1] is not TLS; use an UpstreamTlsContext there, or explicit_http_config");
    }

    [Fact]
    public void A_longest_life_of_connections_arrives()
    {
        Good("").MaxConnectionDuration.Should().Be(TimeSpan.Zero);
        Good("common_http_protocol_options: {max_connection_duration: 90s}").MaxConnectionDuration.Should().Be(TimeSpan.FromSeconds(90));
        Good(Typed("common_http_protocol_options: {max_connection_duration: 90s}, explicit_http_config: {http2_protocol_options: {}}")).MaxConnectionDuration.Should().Be(TimeSpan.FromSeconds(90));
    }
}

using System.Globalization;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Rotation;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Tls;

/// <summary>nginx and HAProxy as endpoints that are spoken to by mutual TLS.</summary>
public sealed class SecureServerTests
{
    private static readonly Identity Ours = new("Ours");
    private static readonly Identity Theirs = new("Theirs");

    [Theory]
    [InlineData("nginx", "TLSv1_2", "TLSv1.2")]
    [InlineData("nginx", "TLSv1_3", "TLSv1.3")]
    [InlineData("haproxy", "TLSv1_2", "TLSv1.2")]
    [InlineData("haproxy", "TLSv1_3", "TLSv1.3")]
    public async Task Sessions_are_continued_with_names_and_certificates_verified(string kind, string version, string spoken)
    {
        await using var server = await SecureServer.StartAsync(kind, Ours);
        await using var proxy = await StartAsync(server, Ours.Proxy, "backend.test", $"tls_params: {{ tls_minimum_protocol_version: {version}, tls_maximum_protocol_version: {version} }},");

        // One client connection is served by one worker, whose sessions these are; the server keeps no connection.
        await using var client = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        var known = new List<string>();
        const int Requests = 4;
        for (var i = 0; i < Requests; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
            var response = await client.ReadResponseAsync();
            response.Status.Should().Be(200, response.BodyText);
            var parts = response.BodyText.Split('|');
            parts[1].Should().Contain("CN=leaf");
            parts[2].Should().Be("backend.test");
            parts[3].Should().Be(spoken);
            known.Add(parts[0]);
        }

        known.Should().Equal(".", "r", "r", "r");
        (await StatAsync(proxy, "cluster.backend.ssl.session_reused")).Should().Be(Requests - 1);
        (await StatAsync(proxy, "cluster.backend.ssl.handshake")).Should().Be(Requests);
        (await StatAsync(proxy, $"cluster.backend.ssl.versions.{spoken}")).Should().Be(Requests);
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("haproxy")]
    public async Task A_server_of_another_name_is_refused(string kind)
    {
        await using var server = await SecureServer.StartAsync(kind, Ours);
        await using var proxy = await StartAsync(server, Ours.Proxy, "other.test");

        var response = await proxy.GetAsync();

        response.Status.Should().Be(503);
        response.BodyText.Should().Contain("TLS_error:");
        (await StatAsync(proxy, "cluster.backend.ssl.fail_verify_san")).Should().Be(1);
        var record = await FailureAsync(proxy);
        record.GetProperty("side").GetString().Should().Be("upstream");
        record.GetProperty("expected_names").ToString().Should().Contain("other.test");
        record.GetProperty("presented_names").ToString().Should().Contain("backend.test");
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("haproxy")]
    public async Task A_server_that_another_authority_vouches_for_is_refused(string kind)
    {
        await using var server = await SecureServer.StartAsync(kind, Theirs);
        await using var proxy = await StartAsync(server, Ours.Proxy, "backend.test");

        (await proxy.GetAsync()).Status.Should().Be(503);

        (await StatAsync(proxy, "cluster.backend.ssl.fail_verify_error")).Should().Be(1);
        (await FailureAsync(proxy)).GetProperty("chain").GetArrayLength().Should().BeGreaterThan(0);
    }

    [Theory]
    [InlineData("nginx", false)]
    [InlineData("nginx", true)]
    [InlineData("haproxy", false)]
    [InlineData("haproxy", true)]
    public async Task A_server_refuses_us_without_the_right_certificate(string kind, bool hasAnothers)
    {
        await using var server = await SecureServer.StartAsync(kind, Ours);
        await using var proxy = await StartAsync(server, hasAnothers ? Theirs.Proxy : null, "backend.test", "tls_params: { tls_maximum_protocol_version: TLSv1_3 },");

        var response = await proxy.GetAsync();

        if (kind == "nginx")
        {
            // It says so in HTTP, over TLS that stands.
            response.Status.Should().Be(400);
            response.BodyText.Should().Contain(hasAnothers ? "The SSL certificate error" : "No required SSL certificate was sent");
            return;
        }

        response.Status.Should().Be(503);
        await Patience.UntilAsync(async () => await StatAsync(proxy, "cluster.backend.ssl.connection_error") > 0, "the refusal to be counted");
        (await FailureAsync(proxy)).GetProperty("reason").GetString().Should().Contain(hasAnothers ? "unknown ca" : "certificate required");
    }

    private static Task<StaticProxy> StartAsync(SecureServer server, TestCertificate? certificate, string name, string more = "") => StaticProxy.StartAsync(
        (folder, http, admin) =>
        {
            var presented = certificate is null ? "" : $"tls_certificates: [ {{ certificate_chain: {{ filename: {folder.Write("proxy.pem", certificate.Chain)} }}, private_key: {{ filename: {folder.Write("proxy.key", certificate.Key)} }} }} ],";
            var cluster = $$"""
                { name: backend, type: STATIC, connect_timeout: 5s, load_assignment: { cluster_name: backend, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{server.Port}} } } } } ] } ] }, transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: backend.test, max_session_keys: 4, common_tls_context: { {{more}} {{presented}} validation_context: { trusted_ca: { filename: {{folder.Write("ca.pem", Ours.Authority)}} }, match_typed_subject_alt_names: [ { san_type: DNS, matcher: { exact: {{name}} } } ] } } } } }
                """;
            return Bootstraps.Static(admin, Bootstraps.Listener("http", http, Bootstraps.Route("backend")), cluster);
        },
        drainSeconds: 1);

    private static async Task<long> StatAsync(StaticProxy proxy, string name) => (await proxy.AdminAsync("/stats")).BodyText.Split('\n')
        .Where(line => line.StartsWith(name + ": ", StringComparison.Ordinal)).Select(line => long.Parse(line.AsSpan(name.Length + 2), CultureInfo.InvariantCulture)).FirstOrDefault();

    private static async Task<JsonElement> FailureAsync(StaticProxy proxy)
    {
        const string Begin = "TLS handshake failed: ";
        var line = await proxy.Process.WaitForLineAsync(Begin);
        return JsonElement.Parse(line[(line.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length)..]);
    }
}

using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.EndpointTls.SecuredProxy;

namespace KubeProxyNet.Proxy.Tests.EndpointTls;

/// <summary>Traffic to endpoints by TLS: bodies, ends, versions, sessions, client certificates, and what else goes to clusters.</summary>
public sealed class SecuredTrafficTests
{
    /// <summary>As in Envoy, clusters speak TLS 1.2 unless more is asked for.</summary>
    private const string UpToTls13 = "tls_params: { tls_maximum_protocol_version: TLSv1_3 }";

    private static readonly TestAuthority Root = TestAuthority.Root();
    private static readonly TestCertificate Leaf = Root.Issue(null, "a.test", "ip:127.0.0.1");
    private static readonly string Trusting = Common(Trust(Root.Pem));
    private static readonly string TrustingWithTls13 = Common(Trust(Root.Pem), UpToTls13);

    [Theory]
    [InlineData(1)]
    [InlineData(16_383)]
    [InlineData(16_385)]
    [InlineData(100_000)]
    [InlineData(10_000_000)]
    public async Task Bodies_arrive_whole_both_ways(int length)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static async (connection, request) =>
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {request.Body.Length}\r\nx-hash: {Hash(request.Body)}\r\n\r\n");
            await connection.SendAsync(request.Body);
        }));
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync(length % 2 == 0 ? Trusting : TrustingWithTls13, front.Port);
        var body = RandomNumberGenerator.GetBytes(length);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        for (var round = 0; round < 2; round++)
        {
            var sending = client.SendAsync((byte[])[.. Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: {length}\r\n\r\n"), .. body]);
            var response = await client.ReadResponseAsync("POST");
            await sending;
            response.Headers["x-hash"].Should().Be(Hash(body));
            Hash(response.Body).Should().Be(Hash(body));
        }

        front.Handshakes.Should().ContainSingle("the connection is kept");
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nhalf of it", true, true)]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nhalf of it", false, false)]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf of it", false, true)]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf of it", true, false)]
    public async Task A_body_that_was_cut_off_does_not_look_complete(string answer, bool announcesEnd, bool isComplete)
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(answer);
        });
        await using var front = TlsFront.Start(backend.Port, Leaf, announcesEnd: announcesEnd);
        await using var proxy = await SecuredProxy.StartAsync(Trusting, front.Port);
        var ask = () => proxy.GetAsync();
        if (isComplete)
        {
            (await ask()).BodyText.Should().Be("half of it");
        }
        else
        {
            await ask.Should().ThrowAsync<RawFramingException>();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_unused_connection_that_the_endpoint_ends_is_not_used_again(bool announcesEnd)
    {
        var end = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            await end.WaitAsync();
        });
        await using var front = TlsFront.Start(backend.Port, Leaf, announcesEnd: announcesEnd);
        await using var proxy = await SecuredProxy.StartAsync(Trusting, front.Port);
        (await proxy.GetAsync()).Status.Should().Be(200);
        (await proxy.StatAsync("cluster.backend.upstream_cx_active")).Should().Be(1);
        end.Set();
        await proxy.WaitForStatAsync("cluster.backend.upstream_cx_active", 0);
        (await RawHttpClient.ExchangeAsync(proxy.Port, "POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 1\r\n\r\nx", "POST")).Status.Should().Be(200);
        front.Handshakes.Should().HaveCount(2);
    }

    [Theory]
    [InlineData("", SslProtocols.Tls12 | SslProtocols.Tls13, "TLSv1.2")]
    [InlineData(UpToTls13, SslProtocols.Tls12 | SslProtocols.Tls13, "TLSv1.3")]
    [InlineData(UpToTls13, SslProtocols.Tls12, "TLSv1.2")]
    [InlineData("tls_params: { tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }", SslProtocols.Tls12, null)]
    public async Task The_version_is_one_that_both_allow(string parameters, SslProtocols server, string? expected)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, Leaf, configure: options => options.EnabledSslProtocols = server);
        await using var proxy = await SecuredProxy.StartAsync(parameters.Length > 0 ? Common(Trust(Root.Pem), parameters) : Trusting, front.Port);
        var response = await proxy.GetAsync();
        if (expected is not null)
        {
            (await proxy.AccessLogAsync()).Should().Be($"200 - via_upstream - {expected}");
            return;
        }

        response.Status.Should().Be(503);
        (await proxy.StatAsync("cluster.backend.ssl.connection_error")).Should().Be(1);
        (await proxy.FailureAsync()).GetProperty("versions_offered").ToString().Should().Contain("TLSv1.3").And.NotContain("TLSv1.2");
    }

    [Fact]
    public async Task Protocols_are_offered_in_order()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, Leaf, configure: static options => options.ApplicationProtocols = [SslApplicationProtocol.Http11]);
        await using var proxy = await SecuredProxy.StartAsync(Common(Trust(Root.Pem), "alpn_protocols: [ other, http/1.1 ]"), front.Port);
        (await proxy.GetAsync()).Status.Should().Be(200);
        front.Handshakes.Single().Protocol.Should().Be("http/1.1");
    }

    [Theory]
    [InlineData("explicit_http_config: { http_protocol_options: {} }", "http/1.1")]
    [InlineData("auto_config: {}", "http/1.1")]
    public async Task What_will_be_spoken_is_offered_where_the_transport_socket_names_nothing(string protocol, string agreed)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, Leaf, configure: static options => options.ApplicationProtocols = [SslApplicationProtocol.Http11]);
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(Root.Pem)), Protocols(protocol), front.Port)]);
        (await proxy.GetAsync()).Status.Should().Be(200);
        front.Handshakes.Single().Protocol.Should().Be(agreed);
    }

    [Fact]
    public async Task A_client_certificate_is_shown_to_endpoints_that_ask()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, Leaf);
        front.ClientAuthority = Root.Pem;
        await using var proxy = await SecuredProxy.StartAsync(Common(Trust(Root.Pem), Present(Root.Intermediate().Issue(null, "uri:spiffe://mesh.test/proxy"))), front.Port);
        (await proxy.GetAsync()).Status.Should().Be(200);
        front.Handshakes.Single().ClientNames.Should().Contain("spiffe://mesh.test/proxy");
    }

    [Theory]
    [InlineData("-tls1_3", false, "alert certificate required", "configure one in the cluster's tls_certificates")]
    [InlineData("-tls1_3", true, "alert unknown ca", "does not trust our certificate")]
    [InlineData("-tls1_2", false, "alert handshake failure", "demands a client certificate")]
    [InlineData("-tls1_2", true, "alert unknown ca", "does not trust our certificate")]
    public async Task An_endpoint_that_refuses_our_certificate_is_quoted(string version, bool presents, string reason, string remedy)
    {
        using var folder = new TempFolder();
        var (server, port) = await ServerAsync(folder, "-www", "-Verify", "3", "-verify_return_error", "-CAfile", folder.Write("ca.pem", Root.Pem), version);
        await using var running = server;
        var stranger = TestAuthority.Root("Stranger").Issue(null, "uri:spiffe://mesh.test/proxy");
        await using var proxy = await SecuredProxy.StartAsync(presents ? Common(Trust(Root.Pem), UpToTls13, Present(stranger)) : TrustingWithTls13, port);
        var response = await proxy.GetAsync();
        response.Status.Should().Be(503);
        response.BodyText.Should().Contain("transport failure reason: TLS_error:").And.Contain(reason.Replace(' ', '_'));
        var record = await proxy.FailureAsync();
        record.GetProperty("side").GetString().Should().Be("upstream");
        record.GetProperty("reason").GetString().Should().Contain(reason);
        record.GetProperty("remedy").GetString().Should().Contain(remedy);
        (await proxy.StatAsync("cluster.backend.ssl.connection_error")).Should().Be(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sessions_are_continued_with_the_endpoint_that_gave_them_only(bool isTls13)
    {
        using var folder = new TempFolder();
        var (first, port) = await ServerAsync(folder, "-www");
        var (second, other) = await ServerAsync(folder, "-www");
        await using var one = first;
        await using var two = second;
        await using var proxy = await SecuredProxy.StartAsync(isTls13 ? TrustingWithTls13 : Trusting, port, other);
        var answers = new List<(string Endpoint, bool IsNew)>();
        for (var i = 0; i < 6; i++)
        {
            var page = (await proxy.GetAsync()).BodyText;
            answers.Add((i % 2 == 0 ? "first" : "second", page.Contains("\nNew, ", StringComparison.Ordinal)));
        }

        answers.Select(static answer => answer.IsNew).Should().Equal(true, true, false, false, false, false);
        (await proxy.StatAsync("cluster.backend.ssl.session_reused")).Should().Be(4);
        (await proxy.StatAsync("cluster.backend.ssl.handshake")).Should().Be(6);
    }

    [Fact]
    public async Task Without_session_keys_every_handshake_is_a_full_one()
    {
        using var folder = new TempFolder();
        var (first, port) = await ServerAsync(folder, "-www");
        await using var server = first;
        await using var proxy = await SecuredProxy.StartAsync($"max_session_keys: 0, {TrustingWithTls13}", port);
        for (var i = 0; i < 3; i++)
        {
            (await proxy.GetAsync()).BodyText.Should().Contain("\nNew, ");
        }
    }

    [Fact]
    public async Task The_metadata_of_an_endpoint_choose_how_it_is_spoken_to()
    {
        await using var plain = ScriptedBackend.Start(BackendScripts.Answer(200, "plain"));
        await using var behind = ScriptedBackend.Start(BackendScripts.Answer(200, "secured"));
        await using var front = TlsFront.Start(behind.Port, Leaf);
        var matches = $", transport_socket_matches: [ {{ name: mesh, match: {{ tls: mesh }}, transport_socket: {Socket($"sni: mesh.test, {Trusting}")} }} ]";
        await using var proxy = await SecuredProxy.StartAsync([Cluster(
            "backend", null, matches, Endpoint(plain.Port) + ", " + Endpoint(front.Port, more: ", metadata: { filter_metadata: { envoy.transport_socket_match: { tls: mesh } } }"))]);
        string[] bodies = [(await proxy.GetAsync()).BodyText, (await proxy.GetAsync()).BodyText];
        bodies.Order().Should().Equal("plain", "secured");
        front.Handshakes.Single().ServerName.Should().Be("mesh.test");
        (await proxy.StatAsync("cluster.backend.mesh.total_match_count")).Should().Be(1);
        (await proxy.StatAsync("cluster.backend.default.total_match_count")).Should().Be(1);
    }

    [Fact]
    public async Task Mirrored_and_hedged_requests_go_by_tls_too()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "answered"));
        await using var shadow = ScriptedBackend.Start(BackendScripts.Answer(200, "dropped"));
        await using var hanging = ScriptedBackend.Start(BackendScripts.Hang());
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var mirror = TlsFront.Start(shadow.Port, Leaf);
        await using var stuck = TlsFront.Start(hanging.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync(
            [Cluster("backend", Trusting, HttpOptions("auto_sni: true"), stuck.Port, front.Port), Cluster("shadow", Trusting, HttpOptions("auto_sni: true"), mirror.Port)],
            ", request_mirror_policies: [ { cluster: shadow } ], hedge_policy: { hedge_on_per_try_timeout: true }, retry_policy: { retry_on: 5xx, num_retries: 3, per_try_timeout: 0.1s, retry_back_off: { base_interval: 0.001s } }");
        (await proxy.GetAsync("/", "a.test")).BodyText.Should().Be("answered");
        (await proxy.GetAsync("/", "a.test")).BodyText.Should().Be("answered");
        await shadow.WaitForRequestsAsync(2);
        mirror.Handshakes[0].ServerName.Should().Be("a.test-shadow");
        stuck.Handshakes.Should().NotBeEmpty();
    }

    [Fact]
    public async Task Bytes_go_to_an_endpoint_by_tls_too()
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            var text = await connection.ReadTextToEndAsync();
            await connection.SendAsync($"{text.Length} bytes, {text[^3..]}");
        });
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync(
            [Cluster("backend", $"sni: a.test, {Trusting}", "", front.Port)],
            listener: "{ filters: [ { name: tcp, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: tcp, cluster: backend } } ] }");
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(new string('x', 300_000) + "end");
        client.ShutdownSend();
        Encoding.ASCII.GetString(await client.ReadToEndAsync()).Should().Be("300003 bytes, end");
        front.Handshakes.Single().ServerName.Should().Be("a.test");
    }

    [Fact]
    public async Task Two_proxies_know_each_other_by_their_spiffe_identities()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var mesh = TestAuthority.Root("Mesh");
        var (client, server) = (mesh.Issue(null, "uri:spiffe://mesh.test/client"), mesh.Issue(null, "uri:spiffe://mesh.test/server"));
        using var folder = new TempFolder();
        var downstream = "{ name: tls, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, require_client_certificate: true, "
            + Common(Present(server), Trust(mesh.Pem, Demand("URI", "prefix: \"spiffe://mesh.test/\""))) + " } }";
        await using var second = await SecuredProxy.StartAsync(
            [Cluster("backend", null, "", backend.Port)],
            listener: Chain(
                "{ match: { prefix: \"/\" }, route: { cluster: backend } }", folder.File("access.log"), $", transport_socket: {downstream}",
                "forward_client_cert_details: SANITIZE_SET, set_current_client_cert_details: { uri: true },"));
        await using var first = await SecuredProxy.StartAsync(Common(Present(client), Trust(mesh.Pem, Demand("URI", "exact: \"spiffe://mesh.test/server\""))), second.Port);
        var echoed = EchoedRequest.From(await first.GetAsync());
        echoed.Headers["x-forwarded-client-cert"].Should().Contain("By=spiffe://mesh.test/server").And.Contain("URI=spiffe://mesh.test/client");

        await using var stranger = await SecuredProxy.StartAsync(Common(Present(mesh.Issue(null, "uri:spiffe://other.test/client")), Trust(mesh.Pem)), second.Port);
        (await stranger.GetAsync()).Status.Should().Be(503);
        var record = await second.FailureAsync();
        record.GetProperty("side").GetString().Should().Be("downstream");
        record.GetProperty("presented_names").ToString().Should().Contain("spiffe://other.test/client");
    }

    private static string Hash(byte[] bytes) => Convert.ToHexString(SHA256.HashData(bytes));

    private static async Task<(ChildProcess Server, int Port)> ServerAsync(TempFolder folder, params string[] more)
    {
        var openssl = Requires.Tool("openssl");
        var server = ChildProcess.Start(openssl, ["s_server", "-accept", "127.0.0.1:0", "-cert", folder.Write("leaf.pem", Leaf.Pem), "-key", folder.Write("leaf.key", Leaf.Key), .. more]);
        var line = await server.WaitForLineAsync("ACCEPT 127.0.0.1:");
        return (server, int.Parse(line[(line.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }
}

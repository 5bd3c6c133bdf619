using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>Who the client proved to be, as upstreams and logs are told. Envoy documentation, "x-forwarded-client-cert" and "Access log operators".</summary>
public sealed class ClientIdentityOverTlsTests : IDisposable
{
    private const string Theirs = "Hash=forged;URI=spiffe://mesh.test/admin";

    private readonly TestAuthority _root = TestAuthority.Root();
    private readonly TestAuthority _intermediate;
    private readonly TestCertificate _server;
    private readonly TestCertificate _client;

    public ClientIdentityOverTlsTests()
    {
        _intermediate = _root.Intermediate();
        _server = _root.Issue(null, "localhost", "uri:spiffe://mesh.test/proxy");
        _client = _intermediate.Issue(new LeafRequest { Subject = "CN=client,O=Shop" }, "client.test", "other.test", "uri:spiffe://mesh.test/client", "ip:192.0.2.7", "email:me@client.test");
    }

    public void Dispose()
    {
        _root.Dispose();
        _intermediate.Dispose();
    }

    [Theory]
    [InlineData("SANITIZE", null, null)]
    [InlineData("FORWARD_ONLY", Theirs, null)]
    [InlineData("APPEND_FORWARD", Theirs + ",OURS", null)]
    [InlineData("SANITIZE_SET", "OURS", null)]
    [InlineData("ALWAYS_FORWARD_ONLY", Theirs, Theirs)]
    public async Task What_upstreams_are_told_goes_by_the_mode(string mode, string? withCertificate, string? without)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(backend, $"forward_client_cert_details: {mode}, set_current_client_cert_details: {{subject: true, cert: true, chain: true, dns: true, uri: true}},");

        await TwiceAsync(proxy, _client);
        await TwiceAsync(proxy, null);

        var ours = $"By=spiffe://mesh.test/proxy;Hash={HashOf(_client.Pem)};Cert=\"{Uri.EscapeDataString(_client.Pem)}\";Chain=\"{Uri.EscapeDataString(_client.Chain)}\";"
            + "Subject=\"CN=client,O=Shop\";URI=spiffe://mesh.test/client;DNS=client.test;DNS=other.test";
        backend.Requests.Select(static request => request.Headers["x-forwarded-client-cert"]).Should().Equal(
            withCertificate?.Replace("OURS", ours, StringComparison.Ordinal), withCertificate?.Replace("OURS", ours, StringComparison.Ordinal), without, without);
    }

    [Fact]
    public async Task Only_what_is_asked_for_is_told()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(backend, "forward_client_cert_details: SANITIZE_SET, set_current_client_cert_details: {uri: true},");

        await proxy.GetAsync(certificate: _client);

        backend.Requests.Single().Headers["x-forwarded-client-cert"].Should().Be($"By=spiffe://mesh.test/proxy;Hash={HashOf(_client.Pem)};URI=spiffe://mesh.test/client");
    }

    [Fact]
    public async Task The_access_log_tells_of_both_certificates()
    {
        const string Format = "%DOWNSTREAM_PEER_SUBJECT%|%DOWNSTREAM_PEER_ISSUER%|%DOWNSTREAM_PEER_SERIAL%|%DOWNSTREAM_PEER_FINGERPRINT_256%|%DOWNSTREAM_PEER_FINGERPRINT_1%|"
            + "%DOWNSTREAM_PEER_DNS_SAN%|%DOWNSTREAM_PEER_URI_SAN%|%DOWNSTREAM_PEER_IP_SAN%|%DOWNSTREAM_PEER_EMAIL_SAN%|%DOWNSTREAM_LOCAL_DNS_SAN%|%DOWNSTREAM_LOCAL_URI_SAN%|"
            + "%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|%DOWNSTREAM_PEER_CERT_V_START(%Y-%m-%d)%|%DOWNSTREAM_PEER_CERT_V_END(%Y-%m-%d)%|%DOWNSTREAM_PEER_CHAIN_SERIALS%|%REQUESTED_SERVER_NAME%|%DOWNSTREAM_PEER_CERT%\\n";
        using var folder = new TempFolder();
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StartAsync(backend, $$"""
            access_log: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog,
              path: {{folder.File("access.log")}}, log_format: {text_format_source: {inline_string: "{{Format}}"} } } }],
            """);

        await proxy.GetAsync(certificate: _client);
        await proxy.GetAsync();

        string[] lines = [];
        await Patience.UntilAsync(() => File.Exists(folder.File("access.log")) && (lines = File.ReadAllLines(folder.File("access.log"))).Length == 2, "two lines");
        var facts = lines[0].Split('|');
        using var read = X509Certificate2.CreateFromPem(_client.Pem);
        facts[..5].Should().Equal("CN=client,O=Shop", "CN=Test Intermediate", Convert.ToHexStringLower(_client.Serial), HashOf(_client.Pem), read.GetCertHashString().ToLowerInvariant());
        facts[5..11].Should().Equal("client.test,other.test", "spiffe://mesh.test/client", "192.0.2.7", "me@client.test", "localhost", "spiffe://mesh.test/proxy");
        facts[11].Should().Be("TLSv1.3");
        facts[12].Should().StartWith("TLS_");
        facts[13..15].Should().Equal(read.NotBefore.ToUniversalTime().ToString("yyyy-MM-dd"), read.NotAfter.ToUniversalTime().ToString("yyyy-MM-dd"));
        facts[15].Should().StartWith(Convert.ToHexStringLower(_client.Serial) + ",");
        facts[16].Should().Be("localhost");
        Uri.UnescapeDataString(facts[17]).Should().Be(_client.Pem);
        lines[1].Split('|')[..9].Should().OnlyContain(static fact => fact == "-");
    }

    private static string HashOf(string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
    }

    private static async Task TwiceAsync(TlsProxy proxy, TestCertificate? certificate)
    {
        await using var client = await proxy.ConnectAsync(certificate: certificate);
        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync($"GET / HTTP/1.1\r\nhost: localhost\r\nx-forwarded-client-cert: {Theirs}\r\n\r\n");
            (await client.ReadResponseAsync()).Status.Should().Be(200);
        }
    }

    private Task<TlsProxy> StartAsync(ScriptedBackend backend, string http) =>
        TlsProxy.StartAsync(Listener(Chain(TlsContext(_server, validation: Trust(_root.Pem), required: false), http: http)), backend.Port);
}

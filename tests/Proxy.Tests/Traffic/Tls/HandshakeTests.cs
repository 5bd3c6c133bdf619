using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>What is agreed on with clients: versions, suites, certificates, protocols. The clients are curl, openssl and .NET.</summary>
public sealed class HandshakeTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("-tls1_2", "TLSv1.2", "versions.TLSv1.2")]
    [InlineData("-tls1_3", "TLSv1.3", "versions.TLSv1.3")]
    public async Task S_client_is_answered(string option, string version, string stat)
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(Leaf("localhost")), routes: Says("hello"))));

        var output = await OpenSslClient.GetAsync(proxy.Port, option, "-servername", "localhost");

        output.Should().Contain("HTTP/1.1 200").And.Contain("hello").And.Contain($"New, {version}").And.NotContain("unexpected eof");
        (await proxy.SslAsync("handshake")).Should().Be(1);
        (await proxy.SslAsync(stat)).Should().Be(1);
    }

    [Theory]
    [InlineData("1.2")]
    [InlineData("1.3")]
    public async Task Curl_is_answered_and_trusts_the_chain(string version)
    {
        var curl = Requires.Tool("curl");
        using var folder = new TempFolder();
        using var intermediate = _root.Intermediate();
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(intermediate.Issue(null, "localhost")), routes: Says("hello"))));

        var result = await ChildProcess.RunAsync(
            curl, "-sS", "--max-time", "20", $"--tlsv{version}", "--tls-max", version, "--cacert", folder.Write("ca.pem", _root.Pem), "--connect-to", $"localhost:443:127.0.0.1:{proxy.Port}", "https://localhost/");

        result.Output.Trim().Should().Be("hello", result.Error);
    }

    [Theory]
    [InlineData("exact.test", "CN=exact")]
    [InlineData("EXACT.Test", "CN=exact")]
    [InlineData("any.wild.test", "CN=wild")]
    [InlineData("ANY.wild.TEST", "CN=wild")]
    [InlineData("exact.wild.test", "CN=wild-exact")]
    [InlineData("two.labels.wild.test", "CN=first")]
    [InlineData("wild.test", "CN=first")]
    [InlineData("unknown.test", "CN=first")]
    public async Task The_certificate_goes_by_the_server_name(string name, string subject)
    {
        string[] certificates = [Named("first", "first.test"), Named("exact", "exact.test"), Named("wild", "*.wild.test"), Named("wild-exact", "exact.wild.test")];
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(certificates), routes: Says("hello"))));

        (await SubjectAsync(proxy, name)).Should().Be(subject);

        string Named(string common, string dns) => Certificate(_root.Issue(new LeafRequest { Subject = $"CN={common}" }, dns));
    }

    [Fact]
    public async Task A_client_without_a_server_name_gets_the_first_certificate()
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext([Certificate(Leaf("first.test")), Certificate(Leaf("second.test"))]), routes: Says("hello"))));

        (await OpenSslClient.GetAsync(proxy.Port, "-noservername")).Should().Contain("hello");
    }

    [Theory]
    [InlineData("-tls1_2", "ECDSA+SHA256", "ECDSA")]
    [InlineData("-tls1_2", "RSA-PSS+SHA256", "RSA-PSS")]
    [InlineData("-tls1_3", "ECDSA+SHA256", "ECDSA")]
    [InlineData("-tls1_3", "RSA-PSS+SHA256", "RSA-PSS")]
    public async Task Rsa_and_Ecdsa_stand_side_by_side_under_one_name(string version, string algorithms, string type)
    {
        var rsa = _root.Issue(new LeafRequest { IsRsa = true }, "both.test");
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext([Certificate(rsa), Certificate(Leaf("both.test"))]), routes: Says("hello"))));

        var output = await OpenSslClient.GetAsync(proxy.Port, version, "-servername", "both.test", "-sigalgs", algorithms);

        output.Should().Contain("hello").And.Contain($"Peer signature type: {type}");
    }

    [Theory]
    [InlineData("http/1.1", "http/1.1")]
    [InlineData("h2,http/1.1", "http/1.1")]
    [InlineData("other,next", "next")]
    [InlineData("unknown", "")]
    [InlineData("", "")]
    public async Task The_protocol_is_the_first_of_ours_that_the_client_offers(string offered, string chosen)
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(Leaf("localhost"), common: "alpn_protocols: [http/1.1, next],"), routes: Says("hello"))));
        var options = TlsProxy.Options();
        options.ApplicationProtocols = offered.Length == 0 ? null : [.. offered.Split(',').Select(static name => new SslApplicationProtocol(name))];

        await using var client = await RawHttpClient.ConnectTlsAsync(proxy.Port, options);

        client.Secure!.NegotiatedApplicationProtocol.ToString().Should().Be(chosen);
    }

    [Theory]
    [InlineData("tls_maximum_protocol_version: TLSv1_2", SslProtocols.Tls12, SslProtocols.Tls13)]
    [InlineData("tls_minimum_protocol_version: TLSv1_3", SslProtocols.Tls13, SslProtocols.Tls12)]
    public async Task Versions_have_bounds(string parameters, SslProtocols spoken, SslProtocols refused)
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(Leaf("localhost"), common: $"tls_params: {{{parameters}}},"), routes: Says("hello"))));

        (await proxy.GetAsync(protocols: spoken)).BodyText.Should().Be("hello");
        await proxy.RefusedAsync(protocols: refused);

        var failure = await proxy.FailureAsync();
        failure.GetProperty("reason").GetString().Should().Be("unsupported protocol");
        failure.GetProperty("versions_offered").EnumerateArray().Select(static item => item.GetString()).Should().Equal(refused == SslProtocols.Tls12 ? "TLSv1.2" : "TLSv1.3");
        (await proxy.SslAsync("connection_error")).Should().Be(1);
    }

    [Theory]
    [InlineData("-tls1")]
    [InlineData("-tls1_1")]
    public async Task Old_versions_are_refused(string version)
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(Leaf("localhost")), routes: Says("hello"))));

        (await OpenSslClient.GetAsync(proxy.Port, version, "-cipher", "ALL:@SECLEVEL=0")).Should().Contain("alert protocol version").And.NotContain("hello");

        var failure = await proxy.FailureAsync();
        failure.GetProperty("reason").GetString().Should().Be("unsupported protocol");
        failure.GetProperty("remedy").GetString().Should().Contain("tls_minimum_protocol_version");
    }

    [Fact]
    public async Task Suites_are_those_that_are_configured()
    {
        const string Chosen = "ECDHE-ECDSA-CHACHA20-POLY1305";
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(Leaf("localhost"), common: $"tls_params: {{cipher_suites: [{Chosen}]}},"), routes: Says("hello"))));

        (await OpenSslClient.GetAsync(proxy.Port, "-tls1_2")).Should().Contain($"Cipher is {Chosen}");
        (await OpenSslClient.GetAsync(proxy.Port, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")).Should().Contain("alert handshake failure");

        (await proxy.FailureAsync()).GetProperty("reason").GetString().Should().Be("no shared cipher");
        (await proxy.SslAsync($"ciphers.{Chosen}")).Should().Be(1);
    }

    [Fact]
    public async Task Groups_are_those_that_are_configured()
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(Leaf("localhost"), common: "tls_params: {ecdh_curves: [P-384]},"), routes: Says("hello"))));

        (await OpenSslClient.GetAsync(proxy.Port, "-groups", "X25519:P-384")).Should().Contain("hello").And.Contain("ECDH, secp384r1, 384 bits");
        (await OpenSslClient.GetAsync(proxy.Port, "-groups", "X25519")).Should().Contain("alert handshake failure");

        (await proxy.FailureAsync()).GetProperty("remedy").GetString().Should().Contain("ecdh_curves");
    }

    private static async Task<string> SubjectAsync(TlsProxy proxy, string name)
    {
        await using var client = await proxy.ConnectAsync(name);
        using var certificate = new X509Certificate2(client.Secure!.RemoteCertificate!);
        return certificate.Subject;
    }

    private TestCertificate Leaf(params string[] names) => _root.Issue(null, names);
}

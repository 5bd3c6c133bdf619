using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>Stapled OCSP responses. Envoy documentation, <c>OcspStaplePolicy</c>.</summary>
public sealed class OcspStapleTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task Curl_accepts_the_response_as_proof()
    {
        var curl = Requires.Tool("curl");
        using var folder = new TempFolder();
        using var issuer = _root.Intermediate();
        var leaf = issuer.Issue(null, "localhost");
        await using var proxy = await StartAsync(leaf, issuer.OcspResponse(leaf, TimeProvider.System.GetUtcNow().AddDays(3)), "STRICT_STAPLING");

        var result = await ChildProcess.RunAsync(
            curl, "-sS", "--max-time", "20", "--cert-status", "--cacert", folder.Write("ca.pem", _root.Pem), "--connect-to", $"localhost:443:127.0.0.1:{proxy.Port}", "https://localhost/");

        result.Output.Trim().Should().Be("hello", result.Error);
        await ExpectAsync(proxy, requests: 1, responses: 1, omitted: 0, failed: 0);
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task Each_handshake_gets_a_copy(string version)
    {
        var leaf = _root.Issue(null, "localhost");
        await using var proxy = await StartAsync(leaf, Fresh(leaf), "LENIENT_STAPLING");
        const int Handshakes = 3;

        for (var i = 0; i < Handshakes; i++)
        {
            (await OpenSslClient.GetAsync(proxy.Port, "-status", version)).Should().Contain("OCSP Response Status: successful").And.Contain("Cert Status: good").And.Contain("hello");
        }

        await ExpectAsync(proxy, Handshakes, Handshakes, 0, 0);
    }

    [Fact]
    public async Task Clients_that_do_not_ask_are_not_counted()
    {
        var leaf = _root.Issue(null, "localhost");
        await using var proxy = await StartAsync(leaf, Stale(leaf), "MUST_STAPLE");

        (await OpenSslClient.GetAsync(proxy.Port)).Should().Contain("hello");

        await ExpectAsync(proxy, 0, 0, 0, 0);
    }

    [Theory]
    [InlineData("LENIENT_STAPLING", false, false)]
    [InlineData("LENIENT_STAPLING", true, false)]
    [InlineData("STRICT_STAPLING", false, false)]
    [InlineData("STRICT_STAPLING", true, true)]
    [InlineData("MUST_STAPLE", true, true)]
    public async Task What_happens_without_a_fresh_response_goes_by_the_policy(string policy, bool isStale, bool fails)
    {
        var leaf = _root.Issue(null, "localhost");
        await using var proxy = await StartAsync(leaf, isStale ? Stale(leaf) : null, policy);

        var output = await OpenSslClient.GetAsync(proxy.Port, "-status");

        output.Should().Contain(fails ? "alert" : "OCSP response: no response sent");
        await ExpectAsync(proxy, 1, 0, fails ? 0 : 1, fails ? 1 : 0);
        if (fails)
        {
            (await proxy.FailureAsync()).GetProperty("reason").GetString().Should().Contain("no OCSP response that is still valid");
            (await proxy.FailureAsync()).GetProperty("remedy").GetString().Should().Contain("ocsp_staple");
        }
    }

    [Theory]
    [InlineData("-tls1_2", true)]
    [InlineData("-tls1_3", true)]
    [InlineData("-tls1_3", false)]
    public async Task A_certificate_whose_response_has_expired_gives_way_to_one_of_another_kind(string version, bool isEllipticStale)
    {
        var (elliptic, rsa) = (_root.Issue(null, "localhost"), _root.Issue(new LeafRequest { IsRsa = true }, "localhost"));
        string[] certificates = [Certificate(elliptic, isEllipticStale ? Stale(elliptic) : Fresh(elliptic)), Certificate(rsa, isEllipticStale ? Fresh(rsa) : Stale(rsa))];
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(certificates, more: "ocsp_staple_policy: MUST_STAPLE"), routes: Says("hello"))));

        var output = await OpenSslClient.GetAsync(proxy.Port, "-status", version);

        output.Should().Contain("Cert Status: good").And.Contain("hello").And.Contain(isEllipticStale ? "public key is 2048 bit" : "public key is 256 bit");
        await ExpectAsync(proxy, requests: 1, responses: 1, omitted: 0, failed: 0);
        (await OpenSslClient.GetAsync(proxy.Port, version)).Should().Contain("public key is 256 bit", "who does not ask gets what the library prefers");
    }

    [Theory]
    [InlineData("exact", "", false, "a.test", "exact")]
    [InlineData("wildcard", "exact", false, "a.test", "wildcard")]
    [InlineData("first", "exact wildcard", false, "a.test", "first")]
    [InlineData("nobody: others are looked at only where that is asked for", "exact wildcard first", false, "a.test", null)]
    [InlineData("another", "exact wildcard first", true, "a.test", "other")]
    [InlineData("another, where no name is asked for", "first", false, null, "wildcard")]
    public async Task A_certificate_whose_response_has_expired_is_followed_by_others_in_envoys_order(string what, string stale, bool scansAll, string? name, string? shown)
    {
        string Entry(string subject, string san)
        {
            var leaf = _root.Issue(new LeafRequest { Subject = "CN=" + subject }, san);
            return Certificate(leaf, stale.Contains(subject, StringComparison.Ordinal) ? Stale(leaf) : Fresh(leaf));
        }

        string[] certificates = [Entry("first", "first.example"), Entry("wildcard", "*.test"), Entry("exact", "a.test"), Entry("other", "other.example")];
        var more = $"ocsp_staple_policy: MUST_STAPLE, full_scan_certs_on_sni_mismatch: {(scansAll ? "true" : "false")}";
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(certificates, more: more), routes: Says("hello"))));

        var output = await OpenSslClient.GetAsync(proxy.Port, ["-status", .. name is null ? (string[])["-noservername"] : ["-servername", name]]);

        output.Replace(" ", "", StringComparison.Ordinal).Should().Contain(shown is null ? "alert" : $"subject=CN={shown}\n", what);
        await ExpectAsync(proxy, 1, shown is null ? 0 : 1, 0, shown is null ? 1 : 0);
    }

    [Fact]
    public async Task A_certificate_that_demands_stapling_is_not_presented_without()
    {
        var leaf = _root.Issue(new LeafRequest { DemandsStaple = true }, "localhost");
        var without = () => StartAsync(leaf, null, "LENIENT_STAPLING");
        (await without.Should().ThrowAsync<ProxyConfigurationException>()).WithMessage("*has no ocsp_staple, which the certificate itself demands*");

        await using var proxy = await StartAsync(leaf, Stale(leaf), "LENIENT_STAPLING");
        (await OpenSslClient.GetAsync(proxy.Port, "-status")).Should().Contain("alert");
        await ExpectAsync(proxy, 1, 0, 0, 1);
    }

    [Theory]
    [InlineData("MUST_STAPLE", false, "*has no ocsp_staple, which ocsp_staple_policy: MUST_STAPLE demands*")]
    [InlineData("LENIENT_STAPLING", true, "*ocsp_staple*is about another certificate than that of CN=leaf*")]
    public async Task A_response_that_is_missing_or_another_s_is_refused(string policy, bool hasAnothers, string message)
    {
        var start = () => StartAsync(_root.Issue(null, "localhost"), hasAnothers ? Fresh(_root.Issue(null, "localhost")) : null, policy);

        (await start.Should().ThrowAsync<ProxyConfigurationException>()).WithMessage(message);
    }

    [Fact]
    public void A_response_is_read()
    {
        var leaf = _root.Issue(null, "a.test");
        var end = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);

        var response = OcspResponse.Read(_root.OcspResponse(leaf, end));

        response.NextUpdate.Should().Be(end);
        response.SerialNumber.ToString("x", CultureInfo.InvariantCulture).Should().EndWith(Convert.ToHexStringLower(leaf.Serial)[1..]);
        response.IsExpired(end).Should().BeFalse();
        response.IsExpired(end.AddSeconds(1)).Should().BeTrue();
        OcspResponse.Read(_root.OcspResponse(leaf, null)).IsExpired(DateTimeOffset.MinValue).Should().BeTrue("it does not say how long it is fresh");
    }

    [Fact]
    public void Bytes_that_are_no_response_are_refused()
    {
        var whole = _root.OcspResponse(_root.Issue(null, "a.test"), TimeProvider.System.GetUtcNow());
        for (var length = 0; length < whole.Length; length++)
        {
            var read = () => OcspResponse.Read(whole.AsMemory(0, length));
            read.Should().Throw<FormatException>();
        }
    }

    /// <summary>Waits for the counts: a client may see the end of a handshake before it is counted.</summary>
    private static Task ExpectAsync(TlsProxy proxy, int requests, int responses, int omitted, int failed) => Patience.UntilAsync(
        async () => await proxy.SslAsync("ocsp_staple_requests") == requests
            && await proxy.SslAsync("ocsp_staple_responses") == responses
            && await proxy.SslAsync("ocsp_staple_omitted") == omitted
            && await proxy.SslAsync("ocsp_staple_failed") == failed,
        $"{requests} requests, {responses} responses, {omitted} omitted, {failed} failed");

    private static Task<TlsProxy> StartAsync(TestCertificate leaf, byte[]? staple, string policy) =>
        TlsProxy.StartAsync(Listener(Chain(TlsContext([Certificate(leaf, staple)], more: $"ocsp_staple_policy: {policy}"), routes: Says("hello"))));

    private byte[] Fresh(TestCertificate leaf) => _root.OcspResponse(leaf, TimeProvider.System.GetUtcNow().AddDays(3));

    private byte[] Stale(TestCertificate leaf) => _root.OcspResponse(leaf, TimeProvider.System.GetUtcNow().AddDays(-1));
}

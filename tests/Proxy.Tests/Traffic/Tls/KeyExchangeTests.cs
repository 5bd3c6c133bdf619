using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.EndpointTls;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>The groups that keys are agreed on in. The hybrid one, which withstands quantum computers, came with OpenSSL 3.5.</summary>
public sealed class KeyExchangeTests : IDisposable
{
    private const string Hybrid = "X25519MLKEM768";

    private static readonly bool HasHybrid = KnowsHybrid();

    private readonly TestAuthority _root = TestAuthority.Root();
    private readonly TestCertificate _leaf;

    public KeyExchangeTests() => _leaf = _root.Issue(null, "localhost");

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("X25519", "X25519", "-tls1_3")]
    [InlineData("P-256", "P-256", "-tls1_3")]
    [InlineData("P-256", "P-256", "-tls1_2")]
    [InlineData("P-521:P-384", "P-384", "-tls1_3")]
    public async Task The_first_of_ours_that_the_client_has_is_taken_and_counted(string offered, string taken, string version)
    {
        await using var proxy = await StartAsync();

        (await OpenSslClient.GetAsync(proxy.Port, version, "-groups", offered)).Should().Contain("200 OK");

        (await proxy.SslAsync($"curves.{taken}")).Should().Be(1);
    }

    [Fact]
    public async Task Clients_without_a_group_of_ours_are_refused()
    {
        await using var proxy = await StartAsync("ecdh_curves: [P-256]");

        (await OpenSslClient.GetAsync(proxy.Port, "-groups", "X25519")).Should().NotContain("200 OK");

        (await proxy.FailureAsync()).GetProperty("reason").GetString().Should().Contain("no suitable key share");
    }

    [Fact]
    public async Task The_hybrid_group_is_taken_by_default_from_clients_that_begin_with_it()
    {
        RequireHybrid();
        await using var proxy = await StartAsync();

        // Clients begin with a share of the group that they name first; with another share the server does not ask for it once more.
        (await OpenSslClient.GetAsync(proxy.Port, "-groups", $"{Hybrid}:X25519")).Should().Contain("200 OK");
        (await proxy.SslAsync($"curves.{Hybrid}")).Should().Be(1);
        (await OpenSslClient.GetAsync(proxy.Port, "-groups", "X25519")).Should().Contain("200 OK");
        (await proxy.SslAsync("curves.X25519")).Should().Be(1);
    }

    [Fact]
    public async Task The_hybrid_group_can_be_demanded()
    {
        RequireHybrid();
        await using var proxy = await StartAsync($"ecdh_curves: [{Hybrid}]");

        (await OpenSslClient.GetAsync(proxy.Port, "-groups", "X25519")).Should().NotContain("200 OK");
        (await OpenSslClient.GetAsync(proxy.Port, "-groups", Hybrid)).Should().Contain("200 OK");
    }

    [Fact]
    public async Task Endpoints_are_offered_the_hybrid_group_first()
    {
        RequireHybrid();
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var front = TlsFront.Start(backend.Port, _leaf);
        await using var proxy = await SecuredProxy.StartAsync(SecuredProxy.Common(SecuredProxy.Trust(_root.Pem), "tls_params: { tls_maximum_protocol_version: TLSv1_3 }"), front.Port);

        (await proxy.GetAsync()).Status.Should().Be(200);

        (await proxy.StatAsync($"cluster.backend.ssl.curves.{Hybrid}")).Should().Be(1);
    }

    [Fact]
    public async Task A_library_without_the_hybrid_group_says_so_where_it_is_asked_for()
    {
        Requires.That(!HasHybrid, $"this library ({OpenSslLibrary.Version}) has {Hybrid}");

        var start = () => StartAsync($"ecdh_curves: [{Hybrid}, X25519]");

        (await start.Should().ThrowAsync<ProxyConfigurationException>()).WithMessage($"*OpenSSL cannot use the groups {Hybrid}, X25519*");
    }

    private static void RequireHybrid() => Requires.That(HasHybrid, $"{Hybrid} came with OpenSSL 3.5, this is {OpenSslLibrary.Version}");

    private static bool KnowsHybrid()
    {
        const int FirstWithHybrid = 0x30500000;
        OpenSslLibrary.Require();
        return OpenSslLibrary.VersionNumber >= FirstWithHybrid;
    }

    private Task<TlsProxy> StartAsync(string parameters = "") =>
        TlsProxy.StartAsync(Listener(Chain(TlsContext(_leaf, common: parameters.Length == 0 ? "" : $"tls_params: {{{parameters}}},"), routes: Says("hello"))));
}

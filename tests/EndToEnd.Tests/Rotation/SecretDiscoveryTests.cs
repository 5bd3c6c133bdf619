using AwesomeAssertions;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.EndToEnd.Tests.BadControlPlane;
using KubeProxyNet.EndToEnd.Tests.Resilience;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Tls;
using KubeProxyNet.Xds;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>Certificates and authorities that a control plane delivers, to a proxy process with real peers on both sides.</summary>
public sealed class SecretDiscoveryTests
{
    private const string Ads = "{ ads: {}, resource_api_version: V3 }";

    private static readonly Identity First = new("First");
    private static readonly Identity Second = new("Second");

    [Fact]
    public async Task A_new_certificate_is_for_new_handshakes_and_what_runs_lives_on()
    {
        await using var plane = await ScriptedControlPlane.StartAsync();
        await using var proxy = await StartAsync(plane);
        await using var old = await SecureClient.ConnectAsync(proxy.Port, First.Authority, First.Client);
        (await old.GetAsync()).Status.Should().Be(200);

        // Both sides trust both authorities, so that each certificate may change by itself.
        (await PushAsync(plane, "2", Secrets.Certificate("web", Second.Web), Both("clients"), Secrets.Certificate("proxy", Second.Proxy), Both("servers"))).Should().BeEmpty();
        proxy.Front.ClientAuthority = First.Authority + Second.Authority;
        (await old.GetAsync()).Status.Should().Be(200);
        old.ServerSerial.Should().Be(Convert.ToHexString(First.Web.Serial));
        await proxy.WaitForCertificateAsync(Second, Second.Authority, Second);
        await using var fresh = await SecureClient.ConnectAsync(proxy.Port, Second.Authority, Second.Client);
        (await fresh.GetAsync()).Status.Should().Be(200);
        (await old.GetAsync()).Status.Should().Be(200);

        // The pools live on: whoever has a connection keeps it, and a new one shows the new certificate.
        proxy.Front.Handshakes.Count.Should().BeLessThanOrEqualTo(2, "there are two workers");
        (await proxy.StatAsync("cluster.backend.upstream_cx_destroy")).Should().Be(0);
        (await proxy.StatAsync("sds.web.update_success")).Should().Be(2);
        (await proxy.AdminAsync("/certs")).Should().Contain("web.test").And.Contain(SerialOf(Second.Web)).And.NotContain(SerialOf(First.Web));
    }

    [Fact]
    public async Task A_bad_secret_is_refused_by_name_and_the_last_good_one_stays()
    {
        await using var plane = await ScriptedControlPlane.StartAsync();
        await using var proxy = await StartAsync(plane);
        using var root = TestAuthority.Root("Bad");
        var expired = root.Issue(new LeafRequest { NotAfter = DateTimeOffset.UtcNow.AddMinutes(-1) }, "web.test");
        var bad = new (Secret Secret, string Why)[]
        {
            (Secrets.Certificate("web", expired), "expired"),
            (Secrets.Certificate("web", Second.Web, First.Web.Key), "is not the key of the certificate"),
            (new Secret { Name = "web", TlsCertificate = new TlsCertificate { CertificateChain = new() { InlineString = "no certificate" }, PrivateKey = new() { InlineString = "no key" } } }, "certificate_chain"),
            (new Secret { Name = "web", TlsCertificate = new TlsCertificate { CertificateChain = new() { Filename = "/nowhere/tls.crt" }, PrivateKey = new() { Filename = "/nowhere/tls.key" } } }, "/nowhere/tls.crt"),
        };
        var version = 2;
        var days = await proxy.StatAsync("server.days_until_first_cert_expiring");
        days.Should().BeGreaterThan(300);
        foreach (var (secret, why) in bad)
        {
            var answer = await PushAsync(plane, $"{version++}", secret, Secrets.Authorities("clients", First.Authority), Secrets.Certificate("proxy", First.Proxy), Secrets.Authorities("servers", First.Authority));
            answer.Should().Contain("web").And.Contain(why).And.NotContain("PRIVATE KEY");
            await using var client = await SecureClient.ConnectAsync(proxy.Port, First.Authority, First.Client);
            client.ServerSerial.Should().Be(Convert.ToHexString(First.Web.Serial));
            (await client.GetAsync()).Status.Should().Be(200);
            await ShouldShowAsync(proxy, First.Web, why);
            (await proxy.Process.WaitForLineAsync(why)).Should().Contain("Secret \"web\" is refused, its last good version stays");
        }

        (await proxy.StatAsync("sds.web.update_rejected")).Should().Be(bad.Length);
        (await proxy.StatAsync("server.days_until_first_cert_expiring")).Should().Be(days, "what is refused is not counted");
        (await PushAsync(plane, $"{version}", All(First))).Should().BeEmpty();
        (await proxy.AdminAsync("/certs")).Should().NotContain("refused", "the last one is good");
        (await proxy.AdminAsync("/config_dump?resource=dynamic_active_secrets")).Should().NotContain("error_state");
        (proxy.Process.Output + proxy.Process.Error).Should().Contain("is not the key of the certificate").And.NotContain("PRIVATE KEY");
    }

    [Fact]
    public async Task A_secret_that_is_no_longer_sent_and_a_source_that_is_gone_change_nothing()
    {
        var plane = await ScriptedControlPlane.StartAsync();
        await using var proxy = await StartAsync(plane);
        (await PushAsync(plane, "2", Secrets.Authorities("clients", First.Authority))).Should().BeEmpty();
        (await AskAsync(proxy)).Should().Be(200);
        await plane.DisposeAsync();
        await Patience.UntilAsync(async () => await proxy.StatAsync("control_plane.connected_state") == 0, "the loss of the control plane");
        for (var i = 0; i < 5; i++)
        {
            (await AskAsync(proxy)).Should().Be(200);
        }
    }

    [Fact]
    public async Task Listener_and_cluster_wait_for_their_secrets()
    {
        await using var plane = await ScriptedControlPlane.StartAsync();
        await using var proxy = MutualProxy.Start(First, static (_, _) => Ads, plane.Port);
        await plane.WaitForRequestAsync(static request => request.TypeUrl == XdsTypeUrls.Secret && request.ResourceNames.Count == 4, "the subscription");
        await ShouldRefuseAsync(proxy);
        await PushAsync(plane, "1", Secrets.Certificate("web", First.Web));
        await ShouldRefuseAsync(proxy);
        (await PushAsync(plane, "2", All(First))).Should().BeEmpty();
        await proxy.ReadyAsync();
        (await AskAsync(proxy)).Should().Be(200);
    }

    [Fact]
    public async Task What_does_not_come_in_time_is_waited_for_in_force()
    {
        await using var plane = await ScriptedControlPlane.StartAsync();
        await using var proxy = MutualProxy.Start(
            First, static (_, name) => name == "proxy" ? "{ ads: {}, resource_api_version: V3, initial_fetch_timeout: 0.2s }" : Ads, plane.Port);
        await plane.WaitForRequestAsync(static request => request.TypeUrl == XdsTypeUrls.Secret && request.ResourceNames.Count == 4, "the subscription");
        await PushAsync(plane, "1", Secrets.Certificate("web", First.Web), Secrets.Authorities("clients", First.Authority), Secrets.Authorities("servers", First.Authority));
        await proxy.ReadyAsync();
        await using var client = await SecureClient.ConnectAsync(proxy.Port, First.Authority, First.Client);
        var (status, body) = await client.GetAsync();
        status.Should().Be(503);
        body.Should().Contain("Secret_is_not_supplied_by_SDS");
        (await proxy.StatAsync("cluster.backend.client_ssl_socket_factory.upstream_context_secrets_not_ready")).Should().Be(1);
        (await PushAsync(plane, "2", All(First))).Should().BeEmpty();
        (await client.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Nothing_fails_while_every_certificate_and_authority_is_replaced_under_load()
    {
        await using var plane = await ScriptedControlPlane.StartAsync();
        await using var proxy = await StartAsync(plane);
        await using var traffic = MutualTraffic.Start(proxy.Port, First);
        await traffic.WaitForMoreAsync(20);
        await RotationPlan.RunAsync(proxy, traffic, First, async identity =>
        {
            (await PushAsync(plane, Guid.NewGuid().ToString("N"), identity)).Should().BeEmpty();
        });
        await traffic.StopAndBalanceAsync(proxy.Backend);
        LongRun.Report($"{traffic.Count} requests, {proxy.Front.Handshakes.Count} handshakes with the endpoint");
    }

    private static async Task<MutualProxy> StartAsync(ScriptedControlPlane plane)
    {
        var proxy = MutualProxy.Start(First, static (_, _) => Ads, plane.Port);
        await plane.WaitForRequestAsync(static request => request.TypeUrl == XdsTypeUrls.Secret && request.ResourceNames.Count == 4, "the subscription");
        (await PushAsync(plane, "1", All(First))).Should().BeEmpty();
        await proxy.ReadyAsync();
        return proxy;
    }

    /// <summary>What the proxy has to say against it; empty for nothing.</summary>
    private static async Task<string> PushAsync(ScriptedControlPlane plane, string version, params Secret[] secrets) =>
        (await plane.PushAsync(XdsTypeUrls.Secret, version, secrets)).ErrorDetail?.Message ?? "";

    private static Secret[] All(Identity identity) =>
    [
        Secrets.Certificate("web", identity.Web), Secrets.Authorities("clients", identity.Authority),
        Secrets.Certificate("proxy", identity.Proxy), Secrets.Authorities("servers", identity.Authority),
    ];

    private static Secret Both(string name) => Secrets.Authorities(name, First.Authority, Second.Authority);

    private static string SerialOf(TestCertificate certificate) => Convert.ToHexStringLower(certificate.Serial).TrimStart('0');

    /// <summary>The last good certificate is listed, and beside it why the last one delivered is not.</summary>
    private static async Task ShouldShowAsync(MutualProxy proxy, TestCertificate good, string why)
    {
        using var page = System.Text.Json.JsonDocument.Parse(await proxy.AdminAsync("/certs"));
        var context = page.RootElement.GetProperty("certificates").EnumerateArray().Single(element => element.TryGetProperty("refused", out _));
        context.GetProperty("cert_chain")[0].GetProperty("serial_number").GetString()!.TrimStart('0').Should().Be(SerialOf(good));
        var refused = context.GetProperty("refused")[0];
        refused.GetProperty("secret").GetString().Should().Be("web");
        refused.GetProperty("details").GetString().Should().Contain(why).And.NotContain("PRIVATE KEY");
        using var dump = System.Text.Json.JsonDocument.Parse(await proxy.AdminAsync("/config_dump?resource=dynamic_active_secrets&name_regex=web"));
        dump.RootElement.GetProperty("configs")[0].GetProperty("error_state").GetProperty("details").GetString().Should().Contain(why);
    }

    private static async Task<int> AskAsync(MutualProxy proxy)
    {
        await using var client = await SecureClient.ConnectAsync(proxy.Port, First.Authority, First.Client);
        return (await client.GetAsync()).Status;
    }

    private static async Task ShouldRefuseAsync(MutualProxy proxy)
    {
        var ask = () => AskAsync(proxy);
        await ask.Should().ThrowAsync<System.Net.Sockets.SocketException>();
    }
}

using System.Net.Security;
using AwesomeAssertions;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.EndpointTls.SecuredProxy;

namespace KubeProxyNet.Proxy.Tests.EndpointTls;

/// <summary>Active health checks go over the cluster's transport socket, and the handshake is part of the check.</summary>
public sealed class TlsHealthCheckTests
{
    private const string Http = "http_health_check: { path: /healthz }";
    private const string Tcp = "tcp_health_check: { send: { text: \"474554202f20485454502f312e310d0a686f73743a20780d0a0d0a\" }, receive: [ { text: \"323030\" } ] }";

    private static readonly TestAuthority Root = TestAuthority.Root();
    private static readonly TestCertificate Leaf = Root.Issue(null, "a.test");

    [Theory]
    [InlineData(Http)]
    [InlineData(Tcp)]
    [InlineData("tcp_health_check: {}")]
    public async Task An_endpoint_with_a_good_certificate_is_healthy(string check)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", $"sni: a.test, {Common(Trust(Root.Pem))}", Checks(check), front.Port)]);
        await proxy.WaitForStatAsync("cluster.backend.membership_healthy", 1);
        (await proxy.StatAsync("cluster.backend.health_check.success")).Should().BePositive();
        (await proxy.StatAsync("cluster.backend.health_check.failure")).Should().Be(0);
        front.Handshakes[0].ServerName.Should().Be("a.test");
        (await proxy.GetAsync()).Status.Should().Be(200);
    }

    [Theory]
    [InlineData(Http)]
    [InlineData("tcp_health_check: {}")]
    public async Task An_endpoint_with_a_bad_certificate_fails_by_network(string check)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, TestCertificate.SelfSigned("a.test"));
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", $"sni: a.test, {Common(Trust(Root.Pem))}", Checks(check), front.Port)]);
        await proxy.WaitForStatAsync("cluster.backend.health_check.network_failure", 1);
        (await proxy.StatAsync("cluster.backend.membership_healthy")).Should().Be(0);
        (await proxy.StatAsync("cluster.backend.ssl.fail_verify_error")).Should().BePositive();
        (await proxy.FailureAsync()).GetProperty("reason").GetString().Should().Contain("self-signed");
    }

    [Fact]
    public async Task A_handshake_that_stalls_fails_within_the_time_of_the_check()
    {
        await using var silent = ScriptedBackend.Start(static connection => connection.DrainAsync());
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(Root.Pem)), Checks(Http).Replace("timeout: 5s", "timeout: 0.1s", StringComparison.Ordinal), silent.Port)]);
        await proxy.WaitForStatAsync("cluster.backend.health_check.network_failure", 1);
        (await proxy.FailureAsync()).GetProperty("reason").GetString().Should().Be("the handshake took longer than the timeout of the health check");
    }

    [Fact]
    public async Task Checks_may_offer_protocols_of_their_own()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(
            backend.Port, Leaf, configure: static options => options.ApplicationProtocols = [new SslApplicationProtocol("probe"), SslApplicationProtocol.Http11]);
        await using var proxy = await SecuredProxy.StartAsync([Cluster(
            "backend", Common(Trust(Root.Pem), "alpn_protocols: [ http/1.1 ]"), Checks(Http + ", tls_options: { alpn_protocols: [ probe ] }"), front.Port)]);
        await proxy.WaitForStatAsync("cluster.backend.membership_healthy", 1);
        (await proxy.GetAsync()).Status.Should().Be(200);
        front.Handshakes.Select(static handshake => handshake.Protocol).Should().Equal("probe", "http/1.1");
    }

    [Fact]
    public async Task Criteria_choose_the_transport_socket_of_checks()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, Leaf);
        var matches = $", transport_socket_matches: [ {{ name: checks, match: {{ use: checks }}, transport_socket: {Socket($"sni: checks.test, {Common(Trust(Root.Pem))}")} }} ]";
        await using var proxy = await SecuredProxy.StartAsync([Cluster(
            "backend", $"sni: traffic.test, {Common(Trust(Root.Pem))}", matches + Checks(Http + ", transport_socket_match_criteria: { use: checks }"), front.Port)]);
        await proxy.WaitForStatAsync("cluster.backend.membership_healthy", 1);
        (await proxy.GetAsync()).Status.Should().Be(200);
        front.Handshakes.Select(static handshake => handshake.ServerName).Should().Equal("checks.test", "traffic.test");
    }

    private static string Checks(string check) =>
        $", health_checks: [ {{ timeout: 5s, interval: 60s, unhealthy_threshold: 1, healthy_threshold: 1, {check} }} ], common_lb_config: {{ healthy_panic_threshold: {{ value: 0 }} }}";
}

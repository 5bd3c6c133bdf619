using AwesomeAssertions;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.EndpointTls.SecuredProxy;

namespace KubeProxyNet.Proxy.Tests.EndpointTls;

/// <summary>The server name that endpoints are asked for, and have to prove.</summary>
public sealed class RequestedNameTests
{
    private static readonly TestAuthority Root = TestAuthority.Root();
    private static readonly TestCertificate Leaf = Root.Issue(null, "a.test", "b.test", "rewritten.test");

    [Theory]
    [InlineData("auto_sni: true", "", "a.test", "a.test")]
    [InlineData("auto_sni: true", "", "A.Test:8443", "a.test")]
    [InlineData("auto_sni: true", "", "127.0.0.1:8443", "configured.test")]
    [InlineData("auto_sni: true", "", "[::1]:8443", "configured.test")]
    [InlineData("auto_sni: true", ", host_rewrite_literal: rewritten.test", "a.test", "rewritten.test")]
    [InlineData("auto_sni: true", ", auto_host_rewrite: true", "a.test", "a.test")]
    [InlineData("auto_sni: true, override_auto_sni_header: X-Server-Name", "", "b.test", "header.test")]
    [InlineData("auto_sni: true, override_auto_sni_header: x-other", "", "b.test", "b.test")]
    [InlineData("auto_san_validation: true", "", "a.test", "configured.test")]
    [InlineData("", "", "a.test", "configured.test")]
    public async Task The_name_that_is_asked_for(string options, string route, string host, string expected)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync(
            [Cluster("backend", $"sni: configured.test, {Common(Trust(Root.Pem))}", HttpOptions(options), Endpoint(front.Port, "endpoint.test"))], route);
        (await RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\nhost: {host}\r\nx-server-name: header.test\r\n\r\n")).Status.Should().Be(200);
        front.Handshakes.Should().ContainSingle().Which.ServerName.Should().Be(expected);
    }

    [Theory]
    [InlineData("auto_host_sni: true", "endpoint.test")]
    [InlineData("sni: configured.test", "configured.test")]
    [InlineData("allow_renegotiation: false", "")]
    public async Task The_name_that_the_transport_socket_says(string tls, string expected)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", $"{tls}, {Common(Trust(Root.Pem))}", "", Endpoint(front.Port, "endpoint.test"))]);
        (await proxy.GetAsync()).Status.Should().Be(200);
        front.Handshakes.Should().ContainSingle().Which.ServerName.Should().Be(expected);
    }

    [Fact]
    public async Task A_connection_serves_requests_of_its_own_name_only()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(Root.Pem)), HttpOptions("auto_sni: true, auto_san_validation: true"), front.Port)]);
        foreach (var host in new[] { "a.test", "b.test", "a.test", "A.TEST:80", "b.test" })
        {
            (await proxy.GetAsync("/", host)).Status.Should().Be(200);
        }

        front.Handshakes.Select(static handshake => handshake.ServerName).Should().Equal("a.test", "b.test");
        backend.Requests.Select(static request => request.Connection).Should().Equal(1, 2, 1, 1, 2);
    }

    [Fact]
    public async Task The_name_has_to_be_proven_also_where_a_session_for_another_could_be_continued()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "", new RawHeader("connection", "close")));
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(Root.Pem)), HttpOptions("auto_sni: true, auto_san_validation: true"), front.Port)]);
        (await proxy.GetAsync("/", "a.test")).Status.Should().Be(200);
        (await proxy.GetAsync("/", "stranger.test")).Status.Should().Be(503);
        (await proxy.GetAsync("/", "b.test")).Status.Should().Be(200);
        (await proxy.StatAsync("cluster.backend.ssl.fail_verify_san")).Should().Be(1);
        var record = await proxy.FailureAsync();
        record.GetProperty("server_name").GetString().Should().Be("stranger.test");
        record.GetProperty("reason").GetString().Should().Be("the certificate is not for \"stranger.test\"");
    }

    [Fact]
    public async Task At_the_limit_of_connections_requests_of_several_names_take_turns()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync([Cluster(
            "backend", Common(Trust(Root.Pem)), HttpOptions("auto_sni: true") + ", circuit_breakers: { thresholds: [ { max_connections: 1 } ] }", front.Port)]);
        string[] hosts = ["a.test", "b.test", "c.test"];
        var asked = Enumerable.Range(0, 30).Select(number => (Host: hosts[number % hosts.Length], Response: proxy.GetAsync("/", hosts[number % hosts.Length]))).ToArray();
        await Task.WhenAll(asked.Select(static one => one.Response));
        asked.Should().OnlyContain(static one => one.Response.Result.Status == 200);

        // The name of each connection is that of every request on it.
        var names = front.Handshakes.Select(static handshake => handshake.ServerName).ToArray();
        backend.Requests.Should().HaveCount(30).And.OnlyContain(request => names[request.Connection - 1] == request.Headers["host"]);
    }

    [Fact]
    public async Task Plain_connections_have_no_name()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", null, HttpOptions("auto_sni: true"), backend.Port)]);
        (await proxy.GetAsync("/", "a.test")).Status.Should().Be(200);
        (await proxy.GetAsync("/", "b.test")).Status.Should().Be(200);
        backend.Connections.Should().ContainSingle();
    }
}

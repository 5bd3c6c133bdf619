using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>CONNECT (RFC 9110 §9.3.6): forwarded, or ended here with the bare bytes going on.</summary>
public sealed class ConnectTests
{
    private const string Connect = "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n";

    [Fact]
    public async Task Is_forwarded_and_a_2xx_opens_the_tunnel()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();

            // A length in the answer to CONNECT means nothing (RFC 9110 §9.3.6).
            await connection.SendAsync("HTTP/1.1 200 Connection established\r\ncontent-length: 3\r\n\r\nhello");
            await connection.SendAsync(await connection.ReadTextToEndAsync());
        });
        await using var proxy = Proxy(backend.Port, terminates: false);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Connect + "early");
        var opened = await client.ReadHeadAsync();
        opened.Status.Should().Be(200);
        opened.Headers.Contains("content-length").Should().BeFalse();
        opened.Headers.Contains("transfer-encoding").Should().BeFalse();
        client.ShutdownSend();

        Encoding.Latin1.GetString(await client.ReadToEndAsync()).Should().Be("helloearly");
        backend.Requests[0].Method.Should().Be("CONNECT");
        backend.Requests[0].Target.Should().Be("example.com:443");
        backend.Requests[0].Headers["host"].Should().Be("example.com:443");
    }

    [Fact]
    public async Task Is_ended_here_where_the_route_says_so()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            var text = await connection.ReadTextToEndAsync();
            await connection.SendAsync($"heard: {text}");
        });
        await using var proxy = Proxy(backend.Port, terminates: true);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Connect + "bare ");
        (await client.ReadHeadAsync()).Status.Should().Be(200);
        await client.SendAsync("bytes");
        client.ShutdownSend();

        Encoding.Latin1.GetString(await client.ReadToEndAsync()).Should().Be("heard: bare bytes");
    }

    [Fact]
    public async Task A_refusal_of_the_upstream_ends_the_connection_and_early_bytes_reach_nobody()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(403, "no"));
        await using var proxy = Proxy(backend.Port, terminates: false);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Connect + "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n");

        var response = await client.ReadResponseAsync();
        response.Status.Should().Be(403);
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        backend.Requests.Should().ContainSingle();
    }

    [Theory]
    [InlineData("content-length: 5\r\n\r\nhello")]
    [InlineData("transfer-encoding: chunked\r\n\r\n0\r\n\r\n")]
    public async Task With_a_body_is_refused(string rest)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Proxy(backend.Port, terminates: true);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync($"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n{rest}");

        (await client.ReadResponseAsync()).Status.Should().Be(400);
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        backend.Connections.Should().BeEmpty();
    }

    [Fact]
    public async Task Matches_no_route_for_paths()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port, http => http with { Upgrades = [new UpgradeConfig("CONNECT")] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Connect);

        (await client.ReadResponseAsync()).Status.Should().Be(404);
    }

    [Fact]
    public async Task Other_methods_do_not_match_its_route()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Proxy(backend.Port, terminates: true);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(404);
    }

    [Fact]
    public async Task An_upstream_that_cannot_be_reached_is_answered_503()
    {
        using var dead = DeadPort.Refusing();
        await using var proxy = Proxy(dead.Port, terminates: true);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Connect);

        (await client.ReadResponseAsync()).Status.Should().Be(503);
    }

    private static RunningProxy Proxy(int port, bool terminates) => RunningProxy.Start(
        RunningProxy.Table(new Route
        {
            Match = new RouteMatch { Path = new ConnectPath() },
            Action = new ForwardAction
            {
                Cluster = new SingleCluster("backend"),
                Upgrades = [new UpgradeConfig("CONNECT", TerminatesConnect: terminates)],
            },
        }),
        [RunningProxy.Cluster("backend", port)]);
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Envoy sent on what a client wrote behind CONNECT before the upstream had answered 2xx: where it answered otherwise, the tunnel was out of step.</summary>
public sealed class CVE_2025_64763
{
    [Theory]
    [InlineData("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", 407)]
    [InlineData("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", 302)]
    public async Task Early_bytes_wait_for_the_answer_and_go_nowhere_where_it_is_no(string answer, int status)
    {
        var (asked, mayAnswer) = (new Signal(), new Signal());
        await using var exhibit = Exhibit.Open(
            async connection =>
            {
                await connection.ReadRequestAsync();
                asked.Set();
                await mayAnswer.WaitAsync(connection.Stopping);
                await connection.SendAsync(answer);
                await BackendScripts.Answer(200, "ok")(connection);
            },
            static http => http with { Upgrades = [new UpgradeConfig("CONNECT")] },
            RunningProxy.Table(
                new Route { Match = new RouteMatch { Path = new ConnectPath() }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } },
                new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } }));
        await using var client = await RawHttpClient.ConnectAsync(exhibit.Proxy.Port);

        await client.SendAsync($"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n{Exhibit.Smuggled}");
        await asked.WaitAsync();
        await client.SendAsync(Exhibit.Smuggled);
        mayAnswer.Set();

        var response = await client.ReadHeadAsync();
        response.Status.Should().Be(status);
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await RawHttpClient.GetAsync(exhibit.Proxy.Port, "/two")).Status.Should().Be(200);
        exhibit.Arrived.Should().Equal("CONNECT a:443", "GET /two");
    }
}

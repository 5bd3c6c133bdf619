using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// Pingora answered from its cache without reading the request's body, kept the connection, and read the body as the next request. Here the
/// answers that need no backend are direct responses and redirects.
/// </summary>
public sealed class CVE_2025_4366
{
    [Theory]
    [InlineData("content-length", true)]
    [InlineData("content-length", false)]
    [InlineData("chunked", true)]
    [InlineData("chunked", false)]
    public async Task A_body_that_nobody_wanted_is_not_the_next_request(string framing, bool comesWithTheHead)
    {
        await using var exhibit = Exhibit.Open(routes: RunningProxy.Table(
            new Route { Match = new RouteMatch { Path = new PrefixPath("/cached") }, Action = new DirectResponseAction(203) },
            new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } }));
        var (head, body) = framing == "chunked"
            ? ("transfer-encoding: chunked", $"{Exhibit.Smuggled.Length:x}\r\n{Exhibit.Smuggled}\r\n0\r\n\r\n")
            : ($"content-length: {Exhibit.Smuggled.Length}", Exhibit.Smuggled);
        await using var client = await RawHttpClient.ConnectAsync(exhibit.Proxy.Port);

        var request = $"POST /cached HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n";
        if (comesWithTheHead)
        {
            await client.SendAsync(request + body + Exhibit.Last);
            (await Exhibit.AnswersAsync(client)).Should().Equal(203, 200);
            exhibit.Arrived.Should().Equal("GET /last");
        }
        else
        {
            await client.SendAsync(request);
            var response = await client.ReadResponseAsync("POST");
            response.Status.Should().Be(203);
            response.Headers["connection"].Should().Be("close");
            await client.SendAsync(body + Exhibit.Last);
            (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
            await exhibit.Proxy.WaitForNoConnectionsAsync();
            exhibit.Arrived.Should().BeEmpty();
        }
    }
}

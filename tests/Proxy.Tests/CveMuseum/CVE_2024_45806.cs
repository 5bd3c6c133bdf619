using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Tests.Traffic;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// Envoy took every private address for one of the mesh: a client with such an address, or one that claimed it in x-forwarded-for, could say
/// with x-envoy-* headers how its requests were to be treated.
/// </summary>
public sealed class CVE_2024_45806
{
    [Theory]
    [InlineData(true, "")]
    [InlineData(true, "x-forwarded-for: 10.0.0.1\r\n")]
    [InlineData(false, "x-forwarded-for: 10.0.0.1\r\n")]
    [InlineData(false, "x-forwarded-for: 192.168.0.1\r\n")]
    [InlineData(false, "x-forwarded-for: 127.0.0.1\r\n")]
    [InlineData(false, "x-forwarded-for: 8.8.8.8, 172.16.0.1\r\n")]
    public async Task A_private_address_is_not_the_mesh(bool isEdge, string forwardedFor)
    {
        var internalOnly = new HeaderMatcher { Name = "x-envoy-internal", Match = new HeaderString(new StringMatcher(StringMatchKind.Exact, "true")) };
        await using var exhibit = Exhibit.Open(
            configure: http => http with { UseRemoteAddress = isEdge },
            routes: RunningProxy.Table(
                new Route { Match = new RouteMatch { Path = new PrefixPath("/"), Headers = [internalOnly] }, Action = new DirectResponseAction(403) },
                new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } }));

        var answers = await exhibit.SendAsync(
            $"GET / HTTP/1.1\r\nhost: a\r\n{forwardedFor}x-envoy-internal: true\r\nx-envoy-upstream-rq-timeout-ms: 1\r\nx-envoy-retry-on: 5xx\r\nconnection: close\r\n\r\n");

        answers.Should().Equal(200);
        var arrived = exhibit.Backend.Requests[0].Headers;
        arrived.Contains("x-envoy-internal").Should().BeFalse();
        arrived.Contains("x-envoy-upstream-rq-timeout-ms").Should().BeFalse();
        arrived.Contains("x-envoy-retry-on").Should().BeFalse();
    }
}

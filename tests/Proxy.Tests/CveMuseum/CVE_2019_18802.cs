using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Envoy kept white space behind a value: "example.com " was another host than "example.com" for its routes, and the same for the backend.</summary>
public sealed class CVE_2019_18802
{
    [Theory]
    [InlineData("host: closed.test\r\n")]
    [InlineData("host: closed.test \r\n")]
    [InlineData("host:\t closed.test\t \r\n")]
    [InlineData("host: CLOSED.test\r\n")]
    [InlineData("host: open.test\r\nx-role:  admin \t\r\n")]
    public async Task A_value_is_matched_without_the_white_space_around_it(string fields)
    {
        var forward = new ForwardAction { Cluster = new SingleCluster("backend") };
        var isAdmin = new HeaderMatcher { Name = "x-role", Match = new HeaderString(new StringMatcher(StringMatchKind.Exact, "admin")) };
        await using var exhibit = Exhibit.Open(routes: RouteTable.Compile(
            new RouteConfiguration
            {
                Name = "test",
                VirtualHosts =
                [
                    new VirtualHost { Name = "closed", Domains = ["closed.test"], Routes = [new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new DirectResponseAction(403) }] },
                    new VirtualHost
                    {
                        Name = "open",
                        Domains = ["*"],
                        Routes =
                        [
                            new Route { Match = new RouteMatch { Path = new PrefixPath("/"), Headers = [isAdmin] }, Action = new DirectResponseAction(403) },
                            new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = forward },
                        ],
                    },
                ],
            },
            Proxy.Config.Re2Syntax.Read));

        var answers = await exhibit.SendAsync($"GET / HTTP/1.1\r\n{fields}connection: close\r\n\r\n");

        answers.Should().Equal(403);
        exhibit.Arrived.Should().BeEmpty();
    }
}

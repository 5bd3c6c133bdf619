using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Tests.Traffic;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>nginx read a chunk size into a signed number: one with the highest bit set became negative, and the body was discarded into the stack.</summary>
public sealed class CVE_2013_2028
{
    public static TheoryData<string> Sizes => ["8000000000000000", "ffffffffffffffff", "fffffffffffffff0", "7fffffffffffffff", "1000000000000000", "10000000000000005", "fffffffffffffffff"];

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_chunk_size_beyond_any_body_is_refused_where_it_stands(string size)
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{size}\r\n{Exhibit.Smuggled}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task It_is_so_where_the_body_would_be_discarded(string size)
    {
        await using var exhibit = Exhibit.Open(routes: RunningProxy.Table(
            new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new DirectResponseAction(404) }));

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{size}\r\n{new string('x', 100_000)}");

        answers.Should().Equal(400);
    }
}

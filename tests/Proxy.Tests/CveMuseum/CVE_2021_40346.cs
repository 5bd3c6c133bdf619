using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// HAProxy kept the length of a header name in eight bits. A name of 256 bytes and more wrote its length over that of the value, so that
/// <c>content-length0aaa…:</c> became a second <c>content-length: 0</c>, by which the backend took the body for another request.
/// </summary>
public sealed class CVE_2021_40346
{
    [Theory]
    [InlineData(240)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(270)]
    [InlineData(4096)]
    [InlineData(30_000)]
    public async Task A_name_is_as_long_as_it_is(int length)
    {
        await using var exhibit = Exhibit.Open();
        var name = "content-length0".PadRight(length, 'a');

        var answers = await exhibit.SendAsync(
            $"POST /one HTTP/1.1\r\nhost: a\r\n{name}:\r\ncontent-length: {Exhibit.Smuggled.Length}\r\n\r\n{Exhibit.Smuggled}{Exhibit.Last}");

        answers.Should().Equal(200, 200);
        exhibit.Arrived.Should().Equal("POST /one", "GET /last");
        var first = exhibit.Backend.Requests[0];
        first.Headers[name].Should().BeEmpty();
        first.Headers["content-length"].Should().Be($"{Exhibit.Smuggled.Length}");
        first.BodyText.Should().Be(Exhibit.Smuggled);
    }
}

using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// Netty ended a chunk's line at CR LF although a quoted extension value was still open there: who reads the value to its closing quote takes
/// what follows for a part of the line, and Netty takes it for data.
/// </summary>
public sealed class CVE_2026_33870
{
    [Theory]
    [InlineData("1;a=\"\r\nX\r\n0\r\n\r\n")]
    [InlineData("1;a=\"b\r\nX\"\r\nY\r\n0\r\n\r\n")]
    [InlineData("1;a=\"b\\\"\r\nX\r\n0\r\n\r\n")]
    public async Task A_quoted_extension_that_is_open_at_the_line_end_is_refused(string body)
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}{Exhibit.Smuggled}{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }
}

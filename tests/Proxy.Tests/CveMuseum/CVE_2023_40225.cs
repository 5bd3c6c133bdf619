using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>HAProxy passed an empty Content-Length on, beside another: a backend that takes the empty one for zero reads the body as a request.</summary>
public sealed class CVE_2023_40225
{
    [Theory]
    [InlineData("content-length:\r\n")]
    [InlineData("content-length: \t\r\n")]
    [InlineData("content-length:\r\ncontent-length: 35\r\n")]
    [InlineData("content-length: 35\r\ncontent-length:\r\n")]
    [InlineData("content-length: ,35\r\n")]
    public async Task An_empty_length_is_refused(string fields)
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\n{fields}\r\n{Exhibit.Smuggled}{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }
}

using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Node's llhttp did not check the value of Transfer-Encoding to its end: what only resembled "chunked" passed, and framed the body.</summary>
public sealed class CVE_2022_32213
{
    [Theory]
    [InlineData("chunkedchunked")]
    [InlineData("chunked, identity")]
    [InlineData("chunked,")]
    [InlineData("identity, chunked")]
    [InlineData("chunkedx")]
    [InlineData("x chunked")]
    public async Task A_coding_that_is_not_exactly_chunked_is_refused(string coding)
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync(
            $"POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: {coding}\r\n\r\n0\r\n\r\n{Exhibit.Smuggled}{Exhibit.Last}");

        answers.Should().Equal(501);
        exhibit.Arrived.Should().BeEmpty();
    }
}

using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Pingora took chunked in HTTP/1.0 and in combination with other codings for no framing at all, and let a request's body run until the connection's end.</summary>
public sealed class CVE_2026_2835
{
    [Theory]
    [InlineData("1.0", "transfer-encoding: chunked", 400)]
    [InlineData("1.0", "transfer-encoding: chunked\r\nconnection: keep-alive", 400)]
    [InlineData("1.0", "transfer-encoding: identity", 400)]
    [InlineData("1.1", "transfer-encoding: identity, chunked", 501)]
    [InlineData("1.1", "transfer-encoding: identity", 501)]
    [InlineData("1.1", "content-length: 5\r\ntransfer-encoding: identity", 400)]
    public async Task A_request_without_a_sure_length_is_refused(string version, string fields, int status)
    {
        await using var exhibit = Exhibit.Open(configure: static http => http with { AcceptHttp10 = true });

        var answers = await exhibit.SendAsync($"POST /one HTTP/{version}\r\nhost: a\r\n{fields}\r\n\r\n0\r\n\r\n{Exhibit.Smuggled}");

        answers.Should().Equal(status);
        exhibit.Arrived.Should().BeEmpty();
    }

    [Fact]
    public async Task An_HTTP_1_0_request_without_a_length_has_no_body()
    {
        await using var exhibit = Exhibit.Open(configure: static http => http with { AcceptHttp10 = true });

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.0\r\nhost: a\r\n\r\n{Exhibit.Smuggled}");

        answers.Should().Equal(200);
        exhibit.Arrived.Should().Equal("POST /one");
    }
}

using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Node's llhttp did not insist on CR LF between header lines: a lone CR or LF ended one, and brought in a field that a proxy had not seen.</summary>
public sealed class CVE_2022_32214
{
    [Theory]
    [InlineData("x: y\ntransfer-encoding: chunked\r\n")]
    [InlineData("x: y\rtransfer-encoding: chunked\r\n")]
    [InlineData("x:\ntransfer-encoding: chunked\r\n")]
    [InlineData("\ntransfer-encoding: chunked\r\n")]
    [InlineData("\rtransfer-encoding: chunked\r\n")]
    public async Task A_field_behind_half_a_line_end_is_refused(string fields)
    {
        await using var exhibit = Exhibit.Open();
        var body = $"0\r\n\r\n{Exhibit.Smuggled}";

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n{fields}\r\n{body}{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }
}

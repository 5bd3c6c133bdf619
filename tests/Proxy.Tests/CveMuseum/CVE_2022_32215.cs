using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Node's llhttp misread a Transfer-Encoding that was folded over several lines.</summary>
public sealed class CVE_2022_32215
{
    [Theory]
    [InlineData("transfer-encoding: chunked\r\n , identity\r\n")]
    [InlineData("transfer-encoding:\r\n chunked\r\n")]
    [InlineData("transfer-encoding: x\r\n\tchunked\r\n")]
    [InlineData("x: y\r\n transfer-encoding: chunked\r\n")]
    public async Task A_field_over_several_lines_is_refused(string fields)
    {
        await using var exhibit = Exhibit.Open();
        var body = $"0\r\n\r\n{Exhibit.Smuggled}";

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\n{fields}content-length: {body.Length}\r\n\r\n{body}{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }
}

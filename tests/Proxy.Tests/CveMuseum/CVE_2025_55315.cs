using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// Kestrel took a lone LF inside a chunk extension for a part of it, where others see the end of the line there: what one takes for an extension
/// is the other's chunk data, and the two part ways.
/// </summary>
public sealed class CVE_2025_55315
{
    [Theory]
    [InlineData("2;\nxx\r\n")]
    [InlineData("2;a\nxx\r\n")]
    [InlineData("2;a=\"\n\"\r\n")]
    [InlineData("2;\rxx\r\n")]
    public async Task A_line_end_inside_a_chunk_extension_is_refused(string line)
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync(
            $"POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{line}xx\r\n0\r\n\r\n{Exhibit.Smuggled}{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }

    [Fact]
    public async Task A_line_end_inside_a_chunk_extension_of_a_response_is_refused()
    {
        await using var exhibit = Exhibit.Open(BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n"));

        (await RawHttpClient.GetAsync(exhibit.Proxy.Port)).Status.Should().Be(502);
    }
}

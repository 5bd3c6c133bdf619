using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// HAProxy accepted a header field with an empty name and took it, in its own list, for the end of the headers: those behind it decided how
/// long the body was, and were not forwarded.
/// </summary>
public sealed class CVE_2023_25725
{
    [Theory]
    [InlineData(":\r\n")]
    [InlineData(": x\r\n")]
    [InlineData(" : x\r\n")]
    public async Task A_field_without_a_name_is_refused(string field)
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync(
            $"POST /one HTTP/1.1\r\nhost: a\r\n{field}content-length: {Exhibit.Smuggled.Length}\r\n\r\n{Exhibit.Smuggled}{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }

    [Fact]
    public async Task A_field_without_a_name_is_refused_in_a_response()
    {
        await using var exhibit = Exhibit.Open(BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\n: x\r\ncontent-length: 2\r\n\r\nok"));

        (await RawHttpClient.GetAsync(exhibit.Proxy.Port)).Status.Should().Be(502);
    }
}

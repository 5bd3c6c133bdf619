using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Netty accepted white space between a field's name and the colon, and knew the field; proxies before it did not, and framed the body otherwise.</summary>
public sealed class CVE_2019_16869
{
    [Theory]
    [InlineData("transfer-encoding : chunked")]
    [InlineData("transfer-encoding\t: chunked")]
    [InlineData(" transfer-encoding: chunked")]
    [InlineData("transfer-encoding\u000b: chunked")]
    public async Task White_space_around_a_name_is_refused(string field)
    {
        await using var exhibit = Exhibit.Open();
        var body = $"0\r\n\r\n{Exhibit.Smuggled}";

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n{field}\r\n\r\n{body}{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }

    [Fact]
    public async Task White_space_around_a_name_is_refused_in_a_response()
    {
        await using var exhibit = Exhibit.Open(BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n"));

        (await RawHttpClient.GetAsync(exhibit.Proxy.Port)).Status.Should().Be(502);
    }
}

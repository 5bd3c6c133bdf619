using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Envoy kept each chunk of a body in a buffer of its own: a body in chunks of one byte cost hundreds of times its length.</summary>
public sealed class CVE_2020_8659
{
    private const int Size = 200_000;

    [Fact]
    public async Task A_body_in_chunks_of_a_byte_is_gathered()
    {
        await using var exhibit = Exhibit.Open();
        var body = string.Concat(Enumerable.Repeat("1\r\nx\r\n", Size));

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}0\r\n\r\n{Exhibit.Last}");

        answers.Should().Equal(200, 200);
        exhibit.Backend.Requests[0].Body.Should().HaveCount(Size);
        exhibit.Backend.Connections[0].Received.Should().HaveCountLessThan(Size + (Size / 10), "few chunks are left");
    }
}

using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Envoy accepted NUL inside a value and compared only what stood before it in places: a matcher and a backend saw different values.</summary>
public sealed class CVE_2019_9900
{
    [Theory]
    [InlineData("x: a\0b")]
    [InlineData("x: \0")]
    [InlineData("x: a\0")]
    [InlineData("cookie: user=admin\0; role=user")]
    public async Task NUL_in_a_value_is_refused(string field)
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync($"GET /one HTTP/1.1\r\nhost: a\r\n{field}\r\n\r\n{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }

    [Fact]
    public async Task NUL_in_the_authority_and_in_the_target_is_refused()
    {
        await using var exhibit = Exhibit.Open();

        (await exhibit.SendAsync("GET /one HTTP/1.1\r\nhost: a\0b\r\n\r\n")).Should().Equal(400);
        (await exhibit.SendAsync("GET /one\0two HTTP/1.1\r\nhost: a\r\n\r\n")).Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }
}

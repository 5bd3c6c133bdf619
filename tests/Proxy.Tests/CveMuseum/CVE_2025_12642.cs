using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>lighttpd merged trailers into the head after it had judged it, so that they could say what a head may not.</summary>
public sealed class CVE_2025_12642
{
    [Fact]
    public async Task What_trailers_say_never_gets_into_a_head()
    {
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post("/one", new RawHeader("x-kept", "head")), endStream: false);

        await front.Client.SendAsync(
            Http2Frames.Data(id, "body"),
            Http2Frames.Headers(
                id,
                [
                    new("host", "evil"), new("content-length", "0"), new("content-type", "evil"), new("authorization", "evil"), new("x-forwarded-for", "9.9.9.9"),
                    new("x-envoy-internal", "true"), new("cookie", "evil"), new("x-kept", "trailer"),
                ],
                endStream: true));

        (await front.Client.ReadResponseAsync(id)).Status.Should().Be(200);
        var request = front.Backend.Requests.Should().ContainSingle().Which;
        request.BodyText.Should().Be("body");
        request.HeadText.Should().NotContain("evil").And.NotContain("9.9.9.9").And.NotContain("content-length").And.Contain("x-kept: head");
        await front.MustServeAsync(1);
    }
}

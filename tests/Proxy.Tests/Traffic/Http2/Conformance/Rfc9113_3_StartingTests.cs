using AwesomeAssertions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>RFC 9113 section 3: how a connection begins.</summary>
public sealed class Rfc9113_3_StartingTests
{
    [Fact]
    public async Task Rfc9113_3_4_the_first_frame_of_the_server_is_SETTINGS_and_the_clients_is_acknowledged()
    {
        // The handshake of the client holds the server to both.
        await using var front = await Http2Front.StartAsync();

        front.Client.PeerSettings.GetValueOrDefault(Http2SettingId.EnablePush).Should().Be(0u, "section 6.5.2: a server must not set it to 1");
        await front.MustServeAsync();
    }

    [Fact]
    public async Task Rfc9113_3_4_requests_may_follow_the_preface_at_once()
    {
        await using var front = await Http2Front.StartAsync(handshake: false);

        front.Client.ExpectAcknowledgement();
        await front.Client.SendBytesAsync((byte[])[.. Http2Frames.Preface, .. Http2Frames.ToBytes(Http2Frames.Settings(), Http2Frames.Headers(1, Http2Fields.Get("/early"), endStream: true))]);

        (await front.Client.ReadResponseAsync(1)).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_3_4_the_preface_may_come_in_any_pieces()
    {
        await using var front = await Http2Front.StartAsync(handshake: false);
        front.Client.ExpectAcknowledgement();
        foreach (var one in (byte[])[.. Http2Frames.Preface, .. Http2Frames.ToBytes(Http2Frames.Settings(), Http2Frames.Headers(1, Http2Fields.Get(), endStream: true))])
        {
            await front.Client.SendBytesAsync(new[] { one });
        }

        (await front.Client.ReadResponseAsync(1)).Status.Should().Be(200);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX")]
    [InlineData("PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n")]
    [InlineData("\0\0\0\u0004\0\0\0\0\0aaaaaaaaaaaaaaaa")]
    public async Task Rfc9113_3_4_another_preface_ends_the_connection(string preface)
    {
        await using var front = await Http2Front.StartAsync(handshake: false);

        await front.Client.SendBytesAsync(System.Text.Encoding.Latin1.GetBytes(preface));

        // GOAWAY may be left out, since the peer does not speak HTTP/2.
        var frames = await front.Client.ExpectEndAsync();
        frames.Where(static f => f.Type == Http2FrameType.GoAway).Should().OnlyContain(static f => f.Error == Http2ErrorCode.ProtocolError);
        front.Backend.Connections.Should().BeEmpty();
    }

    [Fact]
    public async Task Rfc9113_3_4_another_first_frame_than_SETTINGS_is_a_connection_error()
    {
        await using var front = await Http2Front.StartAsync(handshake: false);

        await front.Client.SendBytesAsync((byte[])[.. Http2Frames.Preface, .. Http2Frames.Headers(1, Http2Fields.Get(), endStream: true).ToBytes()]);

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
        front.Backend.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task Rfc9113_3_3_by_prior_knowledge_both_versions_are_served_on_a_listener_that_finds_out()
    {
        await using var front = await Http2Front.StartAsync(http: static http => http with { Codec = HttpCodec.Auto });

        (await front.Client.GetAsync()).Status.Should().Be(200);
        (await RawHttpClient.GetAsync(front.Proxy.Port)).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_3_3_a_preface_in_pieces_is_recognised()
    {
        await using var front = await Http2Front.StartAsync(http: static http => http with { Codec = HttpCodec.Auto }, handshake: false);
        foreach (var one in Http2Frames.Preface.ToArray())
        {
            await front.Client.SendBytesAsync(new[] { one });
        }

        await front.Client.SendSettingsAsync();
        await front.Client.ExpectAsync(Http2FrameType.Settings);
        (await front.Client.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_3_1_a_request_to_upgrade_to_h2c_is_served_in_HTTP_1_1()
    {
        await using var front = await Http2Front.StartAsync(http: static http => http with { Codec = HttpCodec.Auto });

        var response = await RawHttpClient.ExchangeAsync(
            front.Proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n");

        response.Status.Should().Be(200, "the upgrade is deprecated, and a server may leave it out");
    }
}

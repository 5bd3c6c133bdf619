using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Every field block changes the table of those behind it (RFC 9113 section 4.3): one that is not sent must not have been encoded.</summary>
public sealed class TableInStepTests
{
    [Fact]
    public async Task An_answer_to_a_request_that_was_taken_back_leaves_no_trace_in_the_table()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, "ok", new RawHeader("content-type", "text/x-first"), new RawHeader("vary", "a")));

        // Both frames come at once, so that the head is refused when its stream is already no more.
        await front.Client.SendAsync(Http2Frames.Headers(1, Http2Fields.Get("/", Enumerable.Range(0, 101).Select(static i => new RawHeader($"x-{i}", "1"))), endStream: true), Http2Frames.Reset(1));
        front.Client.NextStreamId = 3;

        for (var i = 0; i < 3; i++)
        {
            var response = await front.Client.GetAsync("/after");
            (response.Status, response.Fields["server"], response.Fields["content-type"]).Should().Be((200, "kpn", "text/x-first"));
        }
    }

    [Fact]
    public async Task Rfc7541_4_2_the_smallest_size_that_a_client_has_set_is_told_before_the_last()
    {
        await using var front = await Http2Front.StartAsync();
        (await front.Client.GetAsync()).Status.Should().Be(200);

        await front.Client.SendSettingsAsync(new Http2Setting(Http2SettingId.HeaderTableSize, 0), new Http2Setting(Http2SettingId.HeaderTableSize, 4096));
        await front.Client.ExpectSettingsAckAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Get("/1"));

        (await front.Client.ExpectAsync(Http2FrameType.Headers, id)).Payload.Should().StartWith([0x20, 0x3f, 0xe1, 0x1f]);
    }
}

using AwesomeAssertions;
using Envoy.Config.Core.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http.Http2;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class Http2OptionsTranslatorTests
{
    private static Http2Options Translate(string fields, uint? bufferLimit = null, bool? streamErrors = null) =>
        Http2OptionsTranslator.Translate(FromYaml.Message<Http2ProtocolOptions>($"{{{fields}}}"), bufferLimit, streamErrors: streamErrors);

    [Fact]
    public void What_is_not_set_has_its_default()
    {
        var options = Translate("");
        options.Should().Be(new Http2Options());
        options.Should().Be(Http2OptionsTranslator.Translate(null, null));
        options.HpackTableSize.Should().Be(4096);
        options.MaxConcurrentStreams.Should().Be(1024);
        options.MaxOutboundFrames.Should().Be(10_000);
        options.MaxOutboundControlFrames.Should().Be(1_000);
        options.MaxConsecutiveInboundFramesWithEmptyPayload.Should().Be(1);
        options.MaxInboundPriorityFramesPerStream.Should().Be(100);
        options.MaxInboundWindowUpdateFramesPerDataFrameSent.Should().Be(10);
        options.Keepalive.Should().BeNull();
    }

    [Fact]
    public void Every_setting_arrives() =>
        Translate(
            "hpack_table_size: 0, max_concurrent_streams: 2147483647, initial_stream_window_size: 65535, initial_connection_window_size: 2147483647, allow_connect: true, "
            + "max_outbound_frames: 1, max_outbound_control_frames: 2, max_consecutive_inbound_frames_with_empty_payload: 0, max_inbound_priority_frames_per_stream: 4, "
            + "max_inbound_window_update_frames_per_data_frame_sent: 4294967295, override_stream_error_on_invalid_http_message: true, "
            + "connection_keepalive: {interval: 30s, timeout: 5s, interval_jitter: {value: 0}, connection_idle_interval: 10s}").Should().Be(new Http2Options
            {
                HpackTableSize = 0,
                MaxConcurrentStreams = int.MaxValue,
                InitialStreamWindow = 65_535,
                InitialConnectionWindow = int.MaxValue,
                MaxStreamWindow = 65_535,
                AllowConnect = true,
                MaxOutboundFrames = 1,
                MaxOutboundControlFrames = 2,
                MaxConsecutiveInboundFramesWithEmptyPayload = 0,
                MaxInboundPriorityFramesPerStream = 4,
                MaxInboundWindowUpdateFramesPerDataFrameSent = int.MaxValue,
                EndsOnlyStreamOfInvalidMessage = true,
                Keepalive = new Http2Keepalive
                {
                    Interval = TimeSpan.FromSeconds(30),
                    Timeout = TimeSpan.FromSeconds(5),
                    IntervalJitterPercent = 0,
                    IdleInterval = TimeSpan.FromSeconds(10),
                },
            });

    [Fact]
    public void A_keepalive_has_a_jitter_of_15_percent_and_asks_for_what_it_names_alone() =>
        Translate("connection_keepalive: {timeout: 5s}").Keepalive.Should().Be(new Http2Keepalive { Timeout = TimeSpan.FromSeconds(5), IntervalJitterPercent = 15 });

    [Theory]
    [InlineData(null, 262_144, 1_048_576)]
    [InlineData(100_000u, 100_000, 100_000)]
    [InlineData(1u, 65_535, 65_535)]
    [InlineData(4_000_000_000u, 262_144, int.MaxValue)]
    [InlineData(0u, 262_144, 16_777_216)]
    public void A_window_grows_up_to_the_limit_of_buffers(uint? limit, int initial, int most)
    {
        var options = Translate("", limit);
        (options.InitialStreamWindow, options.MaxStreamWindow, options.InitialConnectionWindow).Should().Be((initial, most, 1_048_576));
    }

    [Fact]
    public void A_window_that_is_set_is_that_one()
    {
        var options = Translate("initial_stream_window_size: 16777216", 100_000);
        (options.InitialStreamWindow, options.MaxStreamWindow, options.InitialConnectionWindow).Should().Be((16_777_216, 16_777_216, 16_777_216));
    }

    [Fact]
    public void A_table_is_not_offered_beyond_a_mebibyte() => Translate("hpack_table_size: 4294967295").HpackTableSize.Should().Be(1024 * 1024);

    [Theory]
    [InlineData("", null, false)]
    [InlineData("", true, true)]
    [InlineData("stream_error_on_invalid_http_messaging: true", null, true)]
    [InlineData("stream_error_on_invalid_http_messaging: true", false, false)]
    [InlineData("override_stream_error_on_invalid_http_message: false", true, false)]
    [InlineData("override_stream_error_on_invalid_http_message: true, stream_error_on_invalid_http_messaging: false", false, true)]
    public void The_word_of_the_override_goes_before_that_of_the_connection_manager_and_the_old_field_comes_last(string fields, bool? ofManager, bool expected) =>
        Translate(fields, streamErrors: ofManager).EndsOnlyStreamOfInvalidMessage.Should().Be(expected);
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>nghttp2 read on behind the frame that had ended the connection, and failed on the next one that was malformed.</summary>
public sealed class CVE_2026_27135
{
    private static readonly Dictionary<string, Http2Frame> Behind = new(StringComparer.Ordinal)
    {
        ["PRIORITY_UPDATE that is too short"] = Http2Frames.Raw((int)Http2FrameType.PriorityUpdate, 0, 0, 1),
        ["PING that is too short"] = Http2Frames.Raw((int)Http2FrameType.Ping, 0, 0, 1),
        ["SETTINGS that are too short"] = Http2Frames.Raw((int)Http2FrameType.Settings, 0, 0, 1),
        ["GOAWAY that is too short"] = Http2Frames.Raw((int)Http2FrameType.GoAway, 0, 0, 1),
        ["WINDOW_UPDATE that is too short"] = Http2Frames.Raw((int)Http2FrameType.WindowUpdate, 0, 0, 1),
        ["RST_STREAM that is too short"] = Http2Frames.Raw((int)Http2FrameType.Reset, 0, 1, 1),
        ["a request"] = Http2Frames.Headers(3, Http2Fields.Get("/behind"), endStream: true),
        ["DATA"] = Http2Frames.Data(1, "behind", endStream: true),
    };

    public static TheoryData<string> Names => [.. Behind.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Nothing_is_read_behind_a_connection_error(string name)
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        await front.Client.OpenAsync(Http2Fields.Post("/open"), endStream: false);

        await front.Client.SendAsync(Http2Frames.WindowUpdate(0, 0), Behind[name], Behind[name]);

        await front.Client.ExpectGoAwayAsync(Http2ErrorCode.ProtocolError);
        (await front.Client.ExpectEndAsync()).Should().NotContain(static frame => frame.Type == Http2FrameType.GoAway);
        front.Backend.Requests.Should().BeEmpty();
        await Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_cx_active") == 0, "the end of the connection");
        front.Proxy.Stat("http2.streams_active").Should().Be(0);
    }
}

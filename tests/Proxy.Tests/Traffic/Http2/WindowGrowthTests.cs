using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>
/// Windows grow to what a round trip brings. How far away the backend is, is here a matter of bytes and not of time: it answers a PING only when it has sent so many
/// more since that came.
/// </summary>
public sealed class WindowGrowthTests
{
    private const int Window = 100_000;
    private const int Body = 3_000_000;

    [Theory]
    [InlineData(1024 * 1024)]
    [InlineData(400_000)]
    public async Task To_a_backend_far_away_they_grow_up_to_their_bound(int most)
    {
        await using var upstream = Start(bytesOnTheWay: 80_000, most);

        (await upstream.GetAsync()).Body.Should().HaveCount(Body);

        var frames = upstream.Backend.Connections[0].Received;
        LargestIncrement(frames, 1).Should().BeGreaterThan(Window, "a window that is opened by more than it was is larger").And.BeLessThanOrEqualTo(most);
        LargestWindow(frames).Should().BeLessThanOrEqualTo(most + Body, "it is never above what it may be, less what has come");
    }

    [Fact]
    public async Task A_window_that_is_written_stays_and_nothing_is_measured()
    {
        await using var upstream = Start(bytesOnTheWay: 80_000, Window);

        (await upstream.GetAsync()).Body.Should().HaveCount(Body);

        var frames = upstream.Backend.Connections[0].Received;
        LargestIncrement(frames, 1).Should().BeLessThanOrEqualTo(Window);
        frames.Should().NotContain(static frame => frame.Type == Http2FrameType.Ping && !frame.IsAck);
    }

    [Fact]
    public async Task Measuring_is_no_flood()
    {
        // The nearest there is: each PING is answered as soon as it is seen.
        await using var upstream = Start(bytesOnTheWay: 0, 1024 * 1024);

        (await upstream.GetAsync()).Body.Should().HaveCount(Body);

        upstream.Backend.Connections[0].Received.Count(static frame => frame.Type == Http2FrameType.Ping && !frame.IsAck)
            .Should().BeInRange(1, Body / (Window / 2), "one goes out at most when half a window has come");
    }

    [Fact]
    public async Task The_window_of_the_connection_keeps_pace_with_that_of_a_stream()
    {
        await using var upstream = Start(bytesOnTheWay: 80_000, 1024 * 1024, connection: Window);

        (await upstream.GetAsync()).Body.Should().HaveCount(Body);

        LargestIncrement(upstream.Backend.Connections[0].Received, 0).Should().BeGreaterThan(Window);
    }

    private static Http2Upstream Start(int bytesOnTheWay, int most, int connection = 1024 * 1024) => Http2Upstream.Start(
        async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200);
            var (answered, sinceSeen) = (0, 0);
            for (var left = Body; left > 0;)
            {
                var count = Math.Min(left, 10_000);
                left -= count;
                await stream.SendDataAsync(new byte[count], endStream: left == 0);
                var pings = stream.Connection.Received.Where(static frame => frame.Type == Http2FrameType.Ping && !frame.IsAck).Skip(answered).ToArray();
                sinceSeen = pings.Length == 0 ? 0 : sinceSeen + count;
                if (pings.Length > 0 && sinceSeen >= bytesOnTheWay)
                {
                    await stream.Connection.SendAsync([.. pings.Select(static ping => ping with { Flags = Http2Flags.Ack })]);
                    answered += pings.Length;
                    sinceSeen = 0;
                }
            }
        },
        new Http2BackendOptions { AnswersPing = false },
        cluster => cluster with { Http2 = new Http2Options { InitialStreamWindow = Window, MaxStreamWindow = most, InitialConnectionWindow = connection } });

    private static int LargestIncrement(IEnumerable<Http2Frame> frames, int stream) =>
        frames.Where(frame => frame.Type == Http2FrameType.WindowUpdate && frame.StreamId == stream).Max(static frame => frame.Increment);

    /// <summary>All that the stream was allowed over its life.</summary>
    private static long LargestWindow(IEnumerable<Http2Frame> frames) =>
        Window + frames.Where(static frame => frame.Type == Http2FrameType.WindowUpdate && frame.StreamId == 1).Sum(static frame => (long)frame.Increment);
}

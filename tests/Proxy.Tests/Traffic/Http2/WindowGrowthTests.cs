using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Testing;
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
    private const int FarAway = 500_000;

    private long _largest;

    [Theory]
    [InlineData(1024 * 1024)]
    [InlineData(400_000)]
    public async Task To_a_backend_far_away_they_grow_up_to_their_bound(int most)
    {
        await using var upstream = Start(FarAway, most, grows: true);

        (await upstream.GetAsync()).Body.Should().HaveCount(Body);

        _largest.Should().BeInRange(Window + 1, most);
    }

    [Fact]
    public async Task A_window_that_is_written_stays_and_nothing_is_measured()
    {
        await using var upstream = Start(FarAway, Window, grows: false);

        (await upstream.GetAsync()).Body.Should().HaveCount(Body);

        _largest.Should().BeLessThanOrEqualTo(Window);
        upstream.Backend.Connections[0].Received.Should().NotContain(static frame => frame.Type == Http2FrameType.Ping && !frame.IsAck);
    }

    [Fact]
    public async Task Measuring_is_no_flood()
    {
        // The nearest there is: each PING is answered as soon as it is seen.
        await using var upstream = Start(0, 1024 * 1024, grows: false);

        (await upstream.GetAsync()).Body.Should().HaveCount(Body);

        upstream.Backend.Connections[0].Received.Count(static frame => frame.Type == Http2FrameType.Ping && !frame.IsAck)
            .Should().BeInRange(1, Body / (Window / 2), "one goes out at most when half a window has come");
    }

    [Fact]
    public async Task The_window_of_the_connection_keeps_pace_with_that_of_a_stream()
    {
        // One that a single stream could fill would be shared out where its reader is late, and nothing measured meanwhile.
        const int Connection = 4 * Window;
        await using var upstream = Start(FarAway, 1024 * 1024, grows: true, Connection);

        (await upstream.GetAsync()).Body.Should().HaveCount(Body);

        upstream.Backend.Connections[0].Received.Where(static frame => frame.Type == Http2FrameType.WindowUpdate && frame.StreamId == 0)
            .Max(static frame => frame.Increment).Should().BeGreaterThan(Connection);
    }

    /// <summary>Starts both.</summary>
    /// <param name="bytesOnTheWay">How far away the backend is.</param>
    /// <param name="most">What the window of a stream may grow to.</param>
    /// <param name="grows">True to wait, before the last of the body, for a window that is larger than it was at first.</param>
    /// <param name="connection">Window of the connection.</param>
    private Http2Upstream Start(int bytesOnTheWay, int most, bool grows, int connection = 1024 * 1024) => Http2Upstream.Start(
        async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200);
            var (answered, sinceSeen, sent) = (0, 0, 0);
            while (sent < Body)
            {
                var count = Math.Min(Body - sent, 10_000);
                if (grows && sent + count == Body)
                {
                    await Patience.UntilAsync(() => Allowed(stream) - sent > Window, "a larger window");
                }

                _largest = Math.Max(_largest, Allowed(stream) - sent);
                sent += count;
                await stream.SendDataAsync(new byte[count], endStream: sent == Body);
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

    /// <summary>All that the stream was allowed so far.</summary>
    private static long Allowed(Http2BackendStream stream) =>
        Window + stream.Connection.Received.Where(frame => frame.Type == Http2FrameType.WindowUpdate && frame.StreamId == stream.Id).Sum(static frame => (long)frame.Increment);
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>A client's connection ends in order: GOAWAY twice (RFC 9113 section 6.8), so that no request which is on its way is lost.</summary>
public sealed class Http2DrainTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(50);

    [Fact]
    public async Task Streams_under_way_end_and_one_that_crosses_the_first_GOAWAY_is_served()
    {
        var go = new Signal();
        await using var front = await Http2Front.StartAsync(async connection =>
        {
            while (await connection.ReadRequestAsync() is { } request)
            {
                if (request.Target == "/slow")
                {
                    await go.WaitAsync();
                }

                await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {request.Target.Length}\r\n\r\n{request.Target}");
            }
        });
        var slow = await front.Client.OpenAsync(Http2Fields.Get("/slow"));
        await front.Backend.WaitForRequestsAsync(1);
        front.Client.AnswersAutomatically = false;

        var draining = front.Proxy.Engine.DrainAsync(Patience.Limit, Patience.Limit, TimeProvider.System);
        var first = await front.Client.ExpectGoAwayAsync(Http2ErrorCode.NoError);
        var ping = await front.Client.ExpectAsync(Http2FrameType.Ping);
        first.LastStreamId.Should().Be(int.MaxValue);
        (await front.Client.GetAsync("/crossed")).BodyText.Should().Be("/crossed");

        await front.Client.SendAsync(ping with { Flags = Http2Flags.Ack });
        var second = await front.Client.ExpectGoAwayAsync(Http2ErrorCode.NoError);
        second.LastStreamId.Should().Be(3);
        var late = await front.Client.OpenAsync(Http2Fields.Get("/late"));
        await front.Client.ExpectStreamErrorAsync(late, Http2ErrorCode.RefusedStream);
        go.Set();

        (await front.Client.ReadResponseAsync(slow)).BodyText.Should().Be("/slow");
        await front.Client.ExpectEndAsync();
        (await draining).Should().BeTrue();
        front.Backend.Requests.Select(static r => r.Target).Should().Equal("/slow", "/crossed");
    }

    [Fact]
    public async Task A_client_that_does_not_answer_is_waited_for_no_longer_than_the_grace()
    {
        await using var front = await Http2Front.StartAsync();
        await front.Client.GetAsync();
        front.Client.AnswersAutomatically = false;

        (await front.Proxy.Engine.DrainAsync(Patience.Limit, Short, TimeProvider.System)).Should().BeTrue();

        await front.Client.ExpectGoAwayAsync(Http2ErrorCode.NoError);
        await front.Client.ExpectEndAsync();
    }

    [Fact]
    public async Task What_is_left_of_a_response_goes_when_the_client_takes_it_though_the_grace_is_over()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, new string('x', 1000)), settings: new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        var id = await front.Client.OpenAsync(Http2Fields.Get());
        await Patience.UntilAsync(() => front.Proxy.Stat("http2.pending_send_bytes") == 1000, "a response that waits");
        front.Client.AnswersAutomatically = false;

        var draining = front.Proxy.Engine.DrainAsync(Patience.Limit, Short, TimeProvider.System);
        await front.Client.ExpectGoAwayAsync(Http2ErrorCode.NoError);
        (await front.Client.ExpectGoAwayAsync(Http2ErrorCode.NoError)).LastStreamId.Should().Be(id);
        await front.Client.PingAsync();
        await front.Client.GiveWindowAsync(id, 1000);

        front.Client.GivesWindowsBack = false;
        (await front.Client.ReadResponseAsync(id)).Body.Should().HaveCount(1000);
        await front.Client.ExpectEndAsync();
        (await draining).Should().BeTrue();
    }

    [Fact]
    public async Task A_quiet_connection_that_answers_ends_at_once()
    {
        await using var front = await Http2Front.StartAsync();
        await front.Client.GetAsync();

        var draining = front.Proxy.Engine.DrainAsync(Patience.Limit, Patience.Limit, TimeProvider.System);

        await front.Client.ExpectEndAsync();
        (await draining).Should().BeTrue();
    }

    [Fact]
    public async Task A_listener_that_is_removed_drains_its_connections()
    {
        var go = new Signal();
        await using var front = await Http2Front.StartAsync(BackendScripts.AnswerAfter(go, 200, "done"));
        var slow = await front.Client.OpenAsync(Http2Fields.Get());
        await front.Backend.WaitForRequestsAsync(1);

        front.Proxy.Engine.Apply(new ConfigurationChange { Listeners = [] }).Should().BeEmpty();
        await front.Client.ExpectGoAwayAsync(Http2ErrorCode.NoError);
        go.Set();

        (await front.Client.ReadResponseAsync(slow)).BodyText.Should().Be("done");
        await front.Client.ExpectEndAsync();
    }

    [Fact]
    public async Task A_connection_ends_at_its_age_with_its_last_stream()
    {
        var go = new Signal();
        await using var front = await Http2Front.StartAsync(
            BackendScripts.AnswerAfter(go, 200, "done"), http: static http => http with { MaxConnectionDuration = Short });
        var slow = await front.Client.OpenAsync(Http2Fields.Get());

        await front.Client.ExpectGoAwayAsync(Http2ErrorCode.NoError);
        front.Proxy.Stat("http.test.downstream_cx_max_duration_reached").Should().Be(1);
        go.Set();

        (await front.Client.ReadResponseAsync(slow)).BodyText.Should().Be("done");
        await front.Client.ExpectEndAsync();
    }

    [Fact]
    public async Task A_connection_that_nobody_uses_ends()
    {
        await using var front = await Http2Front.StartAsync(http: static http => http with { IdleTimeout = Short });

        await front.Client.ExpectGoAwayAsync(Http2ErrorCode.NoError);

        await front.Client.ExpectEndAsync();
        front.Proxy.Stat("http.test.downstream_cx_idle_timeout").Should().Be(1);
    }

    [Fact]
    public async Task A_client_that_does_not_answer_PING_is_dropped()
    {
        await using var front = await Http2Front.StartAsync(
            options: static options => options with { Keepalive = new Http2Keepalive { Interval = Short, Timeout = Short } });
        front.Client.AnswersAutomatically = false;

        await FluentActions.Awaiting(async () =>
        {
            while (true)
            {
                await front.Client.ReadFrameAsync();
            }
        }).Should().ThrowAsync<Http2EndedException>();

        front.Proxy.Stat("http2.keepalive_timeout").Should().Be(1);
    }

    [Fact]
    public async Task No_request_is_lost_when_the_listener_goes_under_load()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, "ok"));
        var served = 0;
        var refused = 0;
        var under = new Signal();
        var clients = Enumerable.Range(0, 4).Select(async _ =>
        {
            await using var client = await RawHttp2Client.ConnectAsync(front.Proxy.Port);
            try
            {
                while (true)
                {
                    var streams = new List<int>();
                    for (var i = 0; i < 10; i++)
                    {
                        streams.Add(await client.OpenAsync(Http2Fields.Get()));
                    }

                    foreach (var stream in streams)
                    {
                        try
                        {
                            (await client.ReadResponseAsync(stream)).Status.Should().Be(200);
                            Interlocked.Increment(ref served);
                        }
                        catch (Http2ResetException)
                        {
                            // By GOAWAY or REFUSED_STREAM it was said that it was not looked at: a client sends it again elsewhere.
                            Interlocked.Increment(ref refused);
                        }
                    }

                    if (served > 200)
                    {
                        under.Set();
                    }
                }
            }
            catch (Exception e) when (e is Http2EndedException or IOException or System.Net.Sockets.SocketException)
            {
                // In order, as what follows shows.
            }
        }).ToArray();
        await under.WaitAsync();

        front.Proxy.Engine.Apply(new ConfigurationChange { Listeners = [] }).Should().BeEmpty();
        await Task.WhenAll(clients);

        front.Backend.Requests.Should().HaveCountGreaterThanOrEqualTo(served);
        front.Proxy.Stat("http.test.downstream_rq_2xx").Should().Be(front.Backend.Requests.Count);
        await front.Client.ExpectEndAsync();
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Connections to a backend of HTTP/2 that requests share: when one is opened, when it ends, and who waits meanwhile.</summary>
public sealed class SharedConnectionTests
{
    private static readonly Http2BackendOptions TwoStreams = new() { Settings = [new Http2Setting(Http2SettingId.MaxConcurrentStreams, 2)] };

    [Fact]
    public async Task Requests_at_once_share_a_connection()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(Http2Scripts.After(go, Http2Scripts.Answer()));
        var requests = Enumerable.Range(0, 20).Select(_ => upstream.GetAsync()).ToArray();

        await upstream.Backend.WaitForStreamsAsync(20);
        go.Set();

        (await Task.WhenAll(requests)).Should().OnlyContain(static r => r.Status == 200);
        upstream.Backend.Connections.Should().ContainSingle();
        upstream.Proxy.Stat("cluster.backend.upstream_cx_http2_total").Should().Be(1);
    }

    [Fact]
    public async Task Others_are_opened_where_those_that_stand_are_full()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn(Http2Scripts.Answer(), Http2Scripts.After(go, Http2Scripts.Answer())), TwoStreams);
        await upstream.GetAsync();
        var requests = Enumerable.Range(0, 7).Select(_ => upstream.GetAsync()).ToArray();

        await upstream.Backend.WaitForStreamsAsync(8);
        go.Set();

        (await Task.WhenAll(requests)).Should().OnlyContain(static r => r.Status == 200);
        upstream.Backend.Connections.Should().HaveCount(4);
        upstream.Backend.Connections.Should().OnlyContain(static c => c.MostOpen <= 2);
        upstream.Backend.RefusedStreams.Should().Be(0);
    }

    [Fact]
    public async Task At_the_limit_of_connections_requests_wait_for_a_stream_and_as_many_as_may_wait()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.InTurn(Http2Scripts.Answer(), Http2Scripts.After(go, Http2Scripts.Answer())),
            TwoStreams,
            static cluster => cluster with { DefaultThresholds = cluster.DefaultThresholds with { MaxConnections = 1, MaxPendingRequests = 3 } });
        await upstream.GetAsync();
        var requests = Enumerable.Range(0, 5).Select(_ => upstream.GetAsync()).ToArray();
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_rq_pending_active") == 3, "three that wait");

        (await upstream.GetAsync()).Status.Should().Be(503);
        go.Set();

        (await Task.WhenAll(requests)).Should().OnlyContain(static r => r.Status == 200);
        upstream.Backend.Connections.Should().ContainSingle().Which.MostOpen.Should().Be(2);
        upstream.Proxy.Stat("cluster.backend.upstream_rq_pending_overflow").Should().Be(1);
        upstream.Proxy.Stat("cluster.backend.upstream_rq_pending_active").Should().Be(0);
    }

    [Fact]
    public async Task What_an_attempt_ended_with_is_told_though_its_stream_serves_another_at_once()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.InTurn(
                Http2Scripts.Answer(),
                Http2Scripts.After(go, static stream => stream.Connection.SendAsync(Http2Frames.Headers(stream.Id, [new(":status", "200"), new("connection", "close")]))),
                Http2Scripts.Answer()),
            new Http2BackendOptions { Settings = [new Http2Setting(Http2SettingId.MaxConcurrentStreams, 1)] },
            static cluster => cluster with
            {
                DefaultThresholds = cluster.DefaultThresholds with { MaxConnections = 1 },
                Http2 = new Http2Options { EndsOnlyStreamOfInvalidMessage = true },
            });
        await upstream.GetAsync();
        var broken = upstream.GetAsync("/broken");
        await upstream.Backend.WaitForStreamsAsync(2);
        var waiting = upstream.GetAsync("/waiting");
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_rq_pending_active") == 1, "one that waits");

        go.Set();

        (await broken).Status.Should().Be(502);
        (await waiting).Status.Should().Be(200);
        (await upstream.Proxy.LogLinesAsync(3)).Should().ContainSingle(static line => line.StartsWith("GET /broken 502 UPE http2.violation.of.messaging.rule", StringComparison.Ordinal));
        upstream.Backend.Connections.Should().ContainSingle();
    }

    [Fact]
    public async Task More_streams_allowed_later_are_for_who_waits()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.InTurn(Http2Scripts.Answer(), Http2Scripts.After(go, Http2Scripts.Answer())),
            new Http2BackendOptions { Settings = [new Http2Setting(Http2SettingId.MaxConcurrentStreams, 1)] },
            static cluster => cluster with { DefaultThresholds = cluster.DefaultThresholds with { MaxConnections = 1 } });
        await upstream.GetAsync();
        var requests = Enumerable.Range(0, 5).Select(_ => upstream.GetAsync()).ToArray();
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_rq_pending_active") == 4, "four that wait");

        await upstream.Backend.Connections[0].SendSettingsAsync(new Http2Setting(Http2SettingId.MaxConcurrentStreams, 10));

        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_rq_pending_active") == 0, "nobody that waits");
        go.Set();
        (await Task.WhenAll(requests)).Should().OnlyContain(static r => r.Status == 200 || r.Status == 503);
    }

    [Fact]
    public async Task Who_waits_for_a_connection_that_cannot_be_made_is_answered_at_once()
    {
        using var dead = DeadPort.Refusing();
        await using var proxy = ProxyTo(dead.Port);

        var responses = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => RawHttpClient.GetAsync(proxy.Port)));

        responses.Should().OnlyContain(static r => r.Status == 503);
        (await proxy.LogAsync()).Should().Contain(" UF upstream_reset_before_response_started{remote_connection_failure}");
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task A_connect_that_takes_too_long_fails_all_who_wait_together()
    {
        using var silent = await DeadPort.SilentAsync();
        await using var proxy = ProxyTo(silent.Port, static cluster => cluster with { ConnectTimeout = TimeSpan.FromMilliseconds(300) });

        var responses = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => RawHttpClient.GetAsync(proxy.Port)));

        responses.Should().OnlyContain(static r => r.Status == 503);
        (await proxy.LogAsync()).Should().Contain(" UF upstream_reset_before_response_started{connection_timeout}");
        proxy.Stat("cluster.backend.upstream_cx_connect_timeout").Should().BeLessThan(10);
    }

    [Fact]
    public async Task Who_asked_first_may_leave_and_the_others_get_the_connection()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.Answer(),
            new Http2BackendOptions
            {
                Connection = async connection =>
                {
                    await connection.GreetAsync();
                    await go.WaitAsync();
                    await connection.ServeAsync(Http2Scripts.Answer());
                },
            });
        await using var first = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);
        await first.SendAsync("GET /first HTTP/1.1\r\nhost: a\r\n\r\n");
        await upstream.Backend.WaitForConnectionAsync(1);
        var second = upstream.GetAsync("/second");
        first.Reset();
        go.Set();

        (await second).Status.Should().Be(200);
        upstream.Backend.Connections.Should().ContainSingle();
    }

    [Fact]
    public async Task A_connection_takes_as_many_requests_as_it_may()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Answer(), cluster: static cluster => cluster with { MaxRequestsPerConnection = 3 });

        for (var i = 0; i < 7; i++)
        {
            (await upstream.GetAsync()).Status.Should().Be(200);
        }

        upstream.Backend.Connections.Select(static c => c.Streams.Count).Should().Equal(3, 3, 1);
        await upstream.Backend.Connections[0].Ended.WaitAsync();
        upstream.Backend.Connections[0].GoAway!.Error.Should().Be(Http2ErrorCode.NoError);
        upstream.Proxy.Stat("cluster.backend.upstream_cx_max_requests").Should().Be(2);
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_cx_active") == 1, "one connection");
    }

    [Fact]
    public async Task A_connection_that_nobody_uses_ends()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Answer(), cluster: static cluster => cluster with { IdleTimeout = TimeSpan.FromMilliseconds(50) });

        await upstream.GetAsync();

        await upstream.Backend.Connections[0].Ended.WaitAsync();
        upstream.Backend.Connections[0].GoAway!.Error.Should().Be(Http2ErrorCode.NoError);
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_cx_active") == 0, "no connection");
        upstream.Proxy.Stat("cluster.backend.upstream_cx_idle_timeout").Should().Be(1);
    }

    [Fact]
    public async Task A_connection_ends_at_its_age_when_its_streams_have()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.InTurn(Http2Scripts.After(go, Http2Scripts.Answer()), Http2Scripts.Answer()),
            cluster: static cluster => cluster with { MaxConnectionDuration = TimeSpan.FromMilliseconds(50) });
        var slow = upstream.GetAsync();
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_cx_max_duration_reached") == 1, "the age");

        (await upstream.GetAsync()).Status.Should().Be(200);
        upstream.Backend.Connections.Should().HaveCount(2);
        upstream.Backend.Connections[0].Ended.IsSet.Should().BeFalse();
        go.Set();

        (await slow).Status.Should().Be(200);
        await upstream.Backend.Connections[0].Ended.WaitAsync();
    }

    [Fact]
    public async Task An_endpoint_that_is_removed_ends_its_streams_in_peace()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(Http2Scripts.After(go, Http2Scripts.Answer()));
        var slow = upstream.GetAsync();
        await upstream.Backend.WaitForStreamsAsync(1);

        var cluster = RunningProxy.Cluster("backend");
        upstream.Proxy.Engine.Apply(new ConfigurationChange
        {
            Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } } },
        }).Should().BeEmpty();
        go.Set();

        (await slow).Status.Should().Be(200);
        await upstream.Backend.Connections[0].Ended.WaitAsync();
        upstream.Backend.Connections[0].GoAway!.Error.Should().Be(Http2ErrorCode.NoError);
    }

    [Fact]
    public async Task Who_waits_behind_a_connection_that_goes_away_gets_another()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.InTurn(Http2Scripts.Answer(), Http2Scripts.After(go, Http2Scripts.Answer()), Http2Scripts.Answer()),
            new Http2BackendOptions { Settings = [new Http2Setting(Http2SettingId.MaxConcurrentStreams, 1)] },
            static cluster => cluster with { DefaultThresholds = cluster.DefaultThresholds with { MaxConnections = 2 } });
        await upstream.GetAsync();
        var slow = upstream.GetAsync();
        await upstream.Backend.WaitForStreamsAsync(2);

        await upstream.Backend.Connections[0].GoAwayAsync(3);

        (await upstream.GetAsync()).Status.Should().Be(200);
        go.Set();
        (await slow).Status.Should().Be(200);
        upstream.Proxy.Stat("cluster.backend.upstream_cx_close_notify").Should().Be(1);
    }

    [Fact]
    public async Task What_a_circuit_breaker_keeps_back_leaves_the_connection_as_it_was()
    {
        var go = new Signal();
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.InTurn(Http2Scripts.After(go, Http2Scripts.Answer()), Http2Scripts.Answer()),
            cluster: static cluster => cluster with { DefaultThresholds = cluster.DefaultThresholds with { MaxRequests = 1 } });
        var slow = upstream.GetAsync();
        await upstream.Backend.WaitForStreamsAsync(1);

        (await upstream.GetAsync()).Status.Should().Be(503);
        go.Set();

        (await slow).Status.Should().Be(200);
        (await upstream.GetAsync()).Status.Should().Be(200);
        upstream.Backend.Connections.Should().ContainSingle();
    }

    [Fact]
    public async Task A_connection_that_does_not_answer_PING_is_closed_with_its_streams()
    {
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.Hang(),
            new Http2BackendOptions { AnswersPing = false },
            static cluster => cluster with
            {
                Http2 = cluster.Http2 with { Keepalive = new Http2Keepalive { Interval = TimeSpan.FromMilliseconds(30), Timeout = TimeSpan.FromMilliseconds(60) } },
            });

        (await upstream.GetAsync()).Status.Should().Be(503);

        (await upstream.Proxy.LogAsync()).Should().StartWith("GET / 503 UC upstream_reset_before_response_started{connection_termination}");
        upstream.Proxy.Stat("cluster.backend.http2.keepalive_timeout").Should().BeGreaterThan(0);
    }

    [Fact]
    public async Task A_connection_that_answers_PING_stays()
    {
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.Answer(),
            cluster: static cluster => cluster with
            {
                Http2 = cluster.Http2 with { Keepalive = new Http2Keepalive { Interval = TimeSpan.FromMilliseconds(10), Timeout = TimeSpan.FromSeconds(20) } },
            });
        await upstream.GetAsync();

        await Patience.UntilAsync(() => upstream.Backend.Connections[0].Received.Count(static f => f.Type == Http2FrameType.Ping && !f.IsAck) >= 3, "three PING frames");

        await upstream.GetAsync();
        upstream.Backend.Connections.Should().ContainSingle();
        upstream.Proxy.Stat("cluster.backend.http2.keepalive_timeout").Should().Be(0);
    }

    [Fact]
    public async Task A_stream_on_a_connection_that_was_quiet_asks_first()
    {
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.Answer(),
            cluster: static cluster => cluster with
            {
                Http2 = cluster.Http2 with { Keepalive = new Http2Keepalive { IdleInterval = TimeSpan.FromMilliseconds(1), Timeout = TimeSpan.FromSeconds(20) } },
            });
        await upstream.GetAsync();

        await Patience.UntilAsync(
            async () =>
            {
                await upstream.GetAsync();
                return upstream.Backend.Connections[0].Received.Any(static f => f.Type == Http2FrameType.Ping && !f.IsAck);
            },
            "a PING");
    }

    private static RunningProxy ProxyTo(int port, Func<ClusterConfig, ClusterConfig>? configure = null)
    {
        var cluster = RunningProxy.Cluster("backend", port);
        var config = cluster.Config with { Protocol = UpstreamProtocol.Http2 };
        return RunningProxy.Start(RunningProxy.Everything("backend"), [cluster with { Config = configure?.Invoke(config) ?? config }]);
    }
}

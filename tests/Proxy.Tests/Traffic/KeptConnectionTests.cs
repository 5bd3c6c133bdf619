using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Connections to backends are kept; what happens when the backend ends one at the wrong moment.</summary>
public sealed class KeptConnectionTests
{
    [Fact]
    public async Task Requests_of_many_clients_one_after_the_other_share_one_connection()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);

        for (var i = 1; i <= 5; i++)
        {
            EchoedRequest.From(await RawHttpClient.GetAsync(proxy.Port)).Ordinal.Should().Be(i);
        }

        backend.Connections.Should().ContainSingle();
        proxy.Stat("cluster.backend.upstream_cx_total").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_total").Should().Be(5);
    }

    [Fact]
    public async Task A_response_that_asks_for_it_ends_the_connection()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.KeepAliveFor(2, announced: true));
        await using var proxy = RunningProxy.To(backend.Port);

        for (var i = 0; i < 6; i++)
        {
            var response = await RawHttpClient.GetAsync(proxy.Port);
            response.Status.Should().Be(200);
            response.Headers.Contains("connection").Should().BeFalse("the client's connection is another one");
        }

        backend.Connections.Should().HaveCount(3);
        proxy.Stat("cluster.backend.upstream_cx_http1_total").Should().Be(3);
        proxy.Stat("cluster.backend.upstream_cx_close_notify").Should().Be(3);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    public async Task A_request_that_may_run_twice_is_sent_again_when_its_kept_connection_dies(string method)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            async connection =>
            {
                await connection.ReadRequestAsync();
                await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                await connection.ReadRequestAsync();
            },
            BackendScripts.Answer(200)));
        await using var proxy = RunningProxy.To(backend.Port);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, $"{method} /again HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok", method);

        response.Status.Should().Be(200);
        backend.Requests.Count(request => request.Target == "/again" && request.BodyText == "ok").Should().Be(2);
        proxy.Stat("cluster.backend.upstream_rq_retry").Should().Be(1);
    }

    [Fact]
    public async Task A_request_is_not_sent_a_third_time()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            async connection =>
            {
                await connection.ReadRequestAsync();
                await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                await connection.ReadRequestAsync();
            },
            BackendScripts.CloseWithoutAnswer()));
        await using var proxy = RunningProxy.To(backend.Port);
        await RawHttpClient.GetAsync(proxy.Port);

        (await RawHttpClient.GetAsync(proxy.Port, "/again")).Status.Should().Be(503);

        backend.Requests.Count(request => request.Target == "/again").Should().Be(2);
        (await proxy.LogAsync(2)).Should().StartWith("GET /again 503 UC ");
    }

    [Fact]
    public async Task The_second_try_takes_a_new_connection_even_where_others_are_kept()
    {
        var bothBusy = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            if (connection.Number > 2)
            {
                await BackendScripts.Answer(200, "fresh")(connection);
                return;
            }

            await connection.ReadRequestAsync();
            await bothBusy.WaitAsync(connection.Stopping);
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            await connection.ReadRequestAsync();
        });
        await using var proxy = RunningProxy.To(backend.Port);
        var first = RawHttpClient.GetAsync(proxy.Port);
        var second = RawHttpClient.GetAsync(proxy.Port);
        await backend.WaitForRequestsAsync(2);
        bothBusy.Set();
        await Task.WhenAll(first, second);

        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("fresh");
    }

    [Fact]
    public async Task A_POST_is_never_sent_twice()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            async connection =>
            {
                await connection.ReadRequestAsync();
                await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                await connection.ReadRequestAsync();
            },
            BackendScripts.Answer(200)));
        await using var proxy = RunningProxy.To(backend.Port);
        await RawHttpClient.GetAsync(proxy.Port);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "POST /once HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok", "POST");

        response.Status.Should().Be(503);
        backend.Requests.Count(request => request.Target == "/once").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_retry").Should().Be(0);
    }

    [Fact]
    public async Task A_connection_that_the_backend_closes_while_idle_costs_nobody_a_request()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.KeepAliveFor(1));
        await using var proxy = RunningProxy.To(backend.Port);

        for (var i = 1; i <= 4; i++)
        {
            (await RawHttpClient.ExchangeAsync(proxy.Port, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok", "POST")).Status.Should().Be(200);
            await (await backend.WaitForConnectionAsync(i)).Ended.WaitAsync();
        }

        backend.Requests.Should().HaveCount(4);
    }

    [Fact]
    public async Task A_limit_of_requests_ends_connections()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { MaxRequestsPerConnection = 2 } }]);

        for (var i = 0; i < 6; i++)
        {
            await RawHttpClient.GetAsync(proxy.Port);
        }

        backend.Connections.Should().HaveCount(3);
        proxy.Stat("cluster.backend.upstream_cx_max_requests").Should().Be(3);
    }

    [Fact]
    public async Task An_idle_connection_is_closed_after_the_idle_timeout()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { IdleTimeout = TimeSpan.FromMilliseconds(30) } }]);

        await RawHttpClient.GetAsync(proxy.Port);

        await backend.Connections[0].Ended.WaitAsync();
        proxy.Stat("cluster.backend.upstream_cx_idle_timeout").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task A_connection_that_has_lived_long_enough_is_closed_also_while_it_waits()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { MaxConnectionDuration = TimeSpan.FromMilliseconds(30) } }]);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);

        await backend.Connections[0].Ended.WaitAsync();
        proxy.Stat("cluster.backend.upstream_cx_max_duration_reached").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_idle_timeout").Should().Be(0);
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task A_connection_that_has_outlived_its_time_ends_with_its_exchange()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { MaxConnectionDuration = TimeSpan.FromTicks(1) } }]);

        for (var i = 0; i < 3; i++)
        {
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        }

        backend.Connections.Should().HaveCount(3);
        proxy.Stat("cluster.backend.upstream_cx_max_duration_reached").Should().Be(3);
    }
}

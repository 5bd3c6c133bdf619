using System.Net.Sockets;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.StaticConfiguration;

/// <summary>The admin pages of a running proxy, over HTTP.</summary>
public sealed class AdminTests
{
    [Fact]
    public async Task Pages_tell_what_is_configured_and_what_happened()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var proxy = await StaticProxy.StartAsync(1, backend.Port);
        for (var i = 0; i < 3; i++)
        {
            (await proxy.GetAsync()).Status.Should().Be(200);
        }

        (await PageAsync(proxy, "/ready")).Should().Be("LIVE\n");
        (await PageAsync(proxy, "/")).Should().ContainAll("/stats", "/config_dump", "/drain_listeners");

        using var info = JsonDocument.Parse(await PageAsync(proxy, "/server_info"));
        info.RootElement.GetProperty("state").GetString().Should().Be("LIVE");
        info.RootElement.GetProperty("node").GetProperty("id").GetString().Should().Be("test-proxy");

        await Patience.UntilAsync(
            async () => (await PageAsync(proxy, "/stats")).Contains("http.http.downstream_rq_2xx: 3\n", StringComparison.Ordinal), "three requests in the stats");
        (await PageAsync(proxy, "/stats")).Should().ContainAll("cluster.backend.upstream_rq_total: 3\n", "cluster.backend.upstream_rq_200: 3\n");
        (await PageAsync(proxy, "/stats?filter=upstream_rq_total")).Should().Be("cluster.backend.upstream_rq_total: 3\n");
        (await PageAsync(proxy, "/stats/prometheus")).Should()
            .Contain("# TYPE envoy_cluster_upstream_rq_total counter").And.Contain("envoy_cluster_upstream_rq_total{envoy_cluster_name=\"backend\"} 3");

        (await PageAsync(proxy, "/clusters")).Should().Contain($"backend::127.0.0.1:{backend.Port}::rq_total::3");
        (await PageAsync(proxy, "/listeners")).Should().Be($"http::127.0.0.1:{proxy.HttpPort}\n");
        using var dump = JsonDocument.Parse(await PageAsync(proxy, "/config_dump"));
        dump.RootElement.GetProperty("configs").EnumerateArray().Select(static config => config.GetProperty("@type").GetString()).Should()
            .Contain("type.googleapis.com/envoy.admin.v3.ClustersConfigDump").And.Contain("type.googleapis.com/envoy.admin.v3.ListenersConfigDump");
        dump.RootElement.GetRawText().Should().Contain("\"backend\"").And.Contain($"{proxy.HttpPort}");
    }

    [Fact]
    public async Task Pages_that_change_something_ask_for_post_and_unknown_ones_are_404()
    {
        await using var proxy = await StaticProxy.StartAsync(1, 80);

        (await proxy.AdminAsync("/drain_listeners")).Status.Should().Be(405);
        (await proxy.AdminAsync("/quitquitquit")).Status.Should().Be(405);
        (await proxy.AdminAsync("/nothing")).Status.Should().Be(404);
        (await proxy.AdminAsync("/ready")).BodyText.Should().Be("LIVE\n");
    }

    [Fact]
    public async Task Drained_listeners_refuse_connections_while_the_process_and_its_admin_stay()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StaticProxy.StartAsync(5, backend.Port);
        await using var kept = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        await kept.SendAsync("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await kept.ReadResponseAsync();

        (await proxy.AdminPostAsync("/drain_listeners?graceful")).BodyText.Should().Be("OK\n");

        (await kept.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        var connect = () => RawHttpClient.ConnectAsync(proxy.HttpPort);
        (await connect.Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.ConnectionRefused);
        (await proxy.AdminAsync("/ready")).BodyText.Should().Be("DRAINING\n");
        (await proxy.Process.TerminateAsync()).Should().Be(0);
    }

    [Fact]
    public async Task A_health_check_fails_and_recovers_on_request_while_traffic_goes_on()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StaticProxy.StartAsync(1, backend.Port);

        await proxy.AdminPostAsync("/healthcheck/fail");
        (await proxy.AdminAsync("/ready")).Status.Should().Be(503);
        (await proxy.GetAsync()).Status.Should().Be(200);
        await proxy.AdminPostAsync("/healthcheck/ok");
        (await proxy.AdminAsync("/ready")).Status.Should().Be(200);
    }

    [Fact]
    public async Task The_process_ends_with_status_0_on_request()
    {
        await using var proxy = await StaticProxy.StartAsync(1, 80);

        (await proxy.AdminPostAsync("/quitquitquit")).Status.Should().Be(200);

        (await proxy.Process.WaitForExitAsync()).Should().Be(0);
    }

    private static async Task<string> PageAsync(StaticProxy proxy, string page)
    {
        var response = await proxy.AdminAsync(page);
        response.Status.Should().Be(200, page);
        return response.BodyText;
    }
}

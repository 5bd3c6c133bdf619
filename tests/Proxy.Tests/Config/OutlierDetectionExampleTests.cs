using System.Globalization;
using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>The example of outlier detection as it stands in <c>config/examples</c>, from the file to what people see.</summary>
public sealed class OutlierDetectionExampleTests
{
    [Fact]
    public async Task A_backend_that_fails_is_seen_out_on_the_admin_page_in_the_log_and_by_explain()
    {
        await using var bad = ScriptedBackend.Start(BackendScripts.Answer(500));
        await using var good = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var canary = ScriptedBackend.Start(BackendScripts.Answer(200));
        using var folder = new TempFolder();
        var log = folder.File("ejections.log");
        await using (var proxy = await StartAsync(log, bad.Port, good.Port, canary.Port))
        {
            var port = proxy.ListenerAddress("ingress")!.Port;
            for (var i = 0; i < 9; i++)
            {
                await RawHttpClient.GetAsync(port);
            }

            var page = "";
            await Patience.UntilAsync(async () => (page = await AdminAsync(proxy, "/clusters")).Contains("failed_outlier_check", StringComparison.Ordinal), "the ejection");
            var lines = page.Split('\n');
            lines.Should().Contain(
            [
                "backends::outlier::success_rate_average::-1",
                "backends::outlier::success_rate_ejection_threshold::-1",
                "backends::outlier::local_origin_success_rate_average::-1",
                "backends::outlier::local_origin_success_rate_ejection_threshold::-1",
                $"backends::127.0.0.1:{bad.Port}::health_flags::/failed_outlier_check",
                $"backends::127.0.0.1:{good.Port}::health_flags::healthy",
                $"backends::127.0.0.1:{good.Port}::canary::false",
                $"backends::127.0.0.1:{canary.Port}::canary::true",
                $"backends::127.0.0.1:{good.Port}::success_rate::-1",
                $"backends::127.0.0.1:{good.Port}::local_origin_success_rate::-1",
            ]);
            using var json = JsonDocument.Parse(await AdminAsync(proxy, "/clusters?format=json"));
            json.RootElement.GetProperty("cluster_statuses")[0].GetProperty("host_statuses")[0].GetProperty("health_status").GetProperty("failed_outlier_check").GetBoolean().Should().BeTrue();
            var stats = await AdminAsync(proxy, "/stats?filter=outlier_detection");
            stats.Split('\n').Should().Contain(["cluster.backends.outlier_detection.ejections_active: 1", "cluster.backends.outlier_detection.ejections_enforced_consecutive_5xx: 1"]);
            (await AdminAsync(proxy, "/explain?url=http://a/")).Should().Contain($"127.0.0.1:{bad.Port} unknown (FailedOutlierCheck)");
        }

        using var line = JsonDocument.Parse((await File.ReadAllLinesAsync(log)).Single());
        line.RootElement.GetProperty("upstream_url").GetString().Should().Be($"127.0.0.1:{bad.Port}");
        line.RootElement.GetProperty("action").GetString().Should().Be("EJECT");
    }

    [Fact]
    public async Task A_log_that_cannot_be_opened_keeps_the_proxy_from_starting()
    {
        var start = async () => await StartAsync("/nowhere/at/all.log", 1, 2, 3);
        (await start.Should().ThrowAsync<ProxyConfigurationException>()).Which.Message.Should().StartWith("envoy.yaml:9: cluster_manager.outlier_detection.event_log_path: ");
    }

    private static async Task<ProxyServer> StartAsync(string log, params int[] ports)
    {
        var yaml = await File.ReadAllTextAsync(Repository.File("config/examples/envoy-outlier-detection.yaml"));
        yaml = yaml.Replace("event_log_path: /tmp/ejections.log", "event_log_path: " + log, StringComparison.Ordinal);
        foreach (var (written, used) in new[] { (9901, 0), (10000, 0), (9000, ports[0]), (9001, ports[1]), (9002, ports[2]) })
        {
            yaml = yaml.Replace(string.Create(CultureInfo.InvariantCulture, $"port_value: {written} "), string.Create(CultureInfo.InvariantCulture, $"port_value: {used} "), StringComparison.Ordinal);
        }

        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Select(static error => error.ToString()).Should().BeEmpty();
        var server = await ProxyServer.StartAsync(
            new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1 }, NullLoggerFactory.Instance);
        await server.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        return server;
    }

    private static async Task<string> AdminAsync(ProxyServer proxy, string target) => (await RawHttpClient.GetAsync(proxy.AdminAddress!.Port, target)).BodyText;
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>Active checks and outlier detection of one cluster (<c>successful_active_health_check_uneject_host</c>).</summary>
public sealed class HealthCheckUnejectsTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_check_that_succeeds_takes_an_outlier_back_where_it_may(bool mayUneject)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static (connection, request) =>
            connection.SendAsync($"HTTP/1.1 {(request.Target == CheckedCluster.Path ? 200 : 500)} Text\r\ncontent-length: 0\r\n\r\n")));
        var cluster = CheckedCluster.Of(CheckedCluster.Http, backend.Port);
        var detection = new OutlierDetectionConfig { MaxEjectionPercent = 100, Consecutive5xx = 1, HealthCheckUnejects = mayUneject };
        await using var proxy = CheckedCluster.Start(cluster with { Config = cluster.Config with { OutlierDetection = detection } });
        await proxy.UntilHealthyAsync(1);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(500);

        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.outlier_detection.ejections_enforced_total") == 1, "the ejection");
        await proxy.UntilMoreChecksAsync();
        if (mayUneject)
        {
            await proxy.UntilHealthyAsync(1);
            proxy.Stat("cluster.backend.outlier_detection.ejections_active").Should().Be(0);
        }
        else
        {
            proxy.FlagsOf(backend.Port).Should().Be(HostHealthFlags.FailedOutlierCheck);
        }
    }
}

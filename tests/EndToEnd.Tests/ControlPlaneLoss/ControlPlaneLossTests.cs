using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.ControlPlaneLoss;

/// <summary>A proxy without a control plane serves what it has.</summary>
public sealed class ControlPlaneLossTests
{
    [Fact]
    public async Task A_control_plane_that_is_killed_under_load_costs_no_request_and_is_found_again()
    {
        await using var before = ScriptedBackend.Start(BackendScripts.Echo(), "before");
        await using var after = ScriptedBackend.Start(BackendScripts.Echo(), "after");
        await using var planes = await SeparatePlanes.StartAsync(("web.yaml", Manifests.Application("web", "web.test", before.Port)));
        await using var traffic = SteadyTraffic.Start(planes.HttpPort, host: "web.test");
        await traffic.WaitForMoreAsync(50);

        await planes.ControlPlane.KillAsync();
        await planes.Proxy.WaitForLineAsync("no control plane at");
        await traffic.WaitForMoreAsync(500);
        (await planes.AdminAsync("/ready")).Should().Be("LIVE\n");
        (await planes.AdminAsync("/stats")).Should().Contain("control_plane.connected_state: 0");
        planes.Folder.Replace("web.yaml", Manifests.Application("web", "web.test", after.Port));
        await planes.StartControlPlaneAsync();
        await planes.Proxy.WaitForLineAsync("answers again");
        await traffic.WaitForAsync(response => response.BodyText.Contains("\"after\"", StringComparison.Ordinal));

        // And what changes from now on arrives as ever.
        planes.Folder.Replace("second.yaml", Manifests.Application("second", "second.test", after.Port));
        await planes.WaitForStatusAsync(200, "second.test");
        (await planes.AdminAsync("/stats")).Should().Contain("control_plane.connected_state: 1");
        var records = await traffic.StopAsync();

        records.Should().OnlyContain(static record => record.Response != null && record.Response.Status == 200);
        Lines(planes.Proxy, " warning ").Should().ContainSingle().Which.Should().Contain("no control plane at");
    }

    [Fact]
    public async Task A_control_plane_that_ends_in_order_costs_no_request_either()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var planes = await SeparatePlanes.StartAsync(("web.yaml", Manifests.Application("web", "web.test", backend.Port)));
        await using var traffic = SteadyTraffic.Start(planes.HttpPort, host: "web.test");
        await traffic.WaitForMoreAsync(20);

        (await planes.ControlPlane.TerminateAsync()).Should().Be(0);
        await planes.Proxy.WaitForLineAsync("no control plane at");
        await planes.StartControlPlaneAsync();
        await planes.Proxy.WaitForLineAsync("answers again");
        await traffic.WaitForMoreAsync(20);

        Ledger.ShouldBalance(await traffic.StopAsync(), backend);
    }

    [Fact]
    public async Task A_control_plane_that_came_back_with_less_takes_it_away()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var planes = await SeparatePlanes.StartAsync(
            ("stays.yaml", Manifests.Application("stays", "stays.test", backend.Port)),
            ("goes.yaml", Manifests.Application("goes", "goes.test", backend.Port)));
        await planes.WaitForStatusAsync(200, "goes.test");

        await planes.ControlPlane.KillAsync();
        planes.Folder.Delete("goes.yaml");
        (await planes.GetAsync("goes.test")).Status.Should().Be(200);
        await planes.StartControlPlaneAsync();

        await planes.WaitForStatusAsync(404, "goes.test");
        await Patience.UntilAsync(async () => !(await planes.AdminAsync("/clusters")).Contains("goes", StringComparison.Ordinal), "the end of its cluster");
        (await planes.GetAsync("stays.test")).Status.Should().Be(200);
    }

    [Fact]
    public async Task A_proxy_without_a_control_plane_serves_its_static_configuration_and_connects_later()
    {
        using var folder = new TempFolder();
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var (http, discovered, admin, xds) = (FreePort.Take(), FreePort.Take(), FreePort.Take(), FreePort.Take());
        var listener = "[ " + Bootstraps.Listener("static", http, """{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: static } } }""") + " ]";
        await using var proxy = ChildProcess.StartKpn(
            "proxy", "-c", folder.Write("envoy.yaml", Bootstraps.Dynamic(admin, xds, "1s", listener)), "--drain-time-s", "1");

        (await proxy.WaitForLineAsync("no control plane at")).Should().Contain($"127.0.0.1:{xds}: Connection refused;");
        (await RawHttpClient.GetAsync(http)).BodyText.Should().Be("static");
        await proxy.WaitForLineAsync("did not deliver clusters and listeners within 1 s");
        (await RawHttpClient.GetAsync(admin, "/ready")).BodyText.Should().Be("LIVE\n");

        folder.Write("manifests/web.yaml", Manifests.Application("web", "web.test", backend.Port));
        await using var controlPlane = ChildProcess.StartKpn(
            "control-plane", "--source", folder.File("manifests"), "--xds-address", $"127.0.0.1:{xds}", "--http-address", "127.0.0.1", "--http-port", $"{discovered}");
        await proxy.WaitForLineAsync("answers again");

        await Patience.UntilAsync(
            async () =>
            {
                try
                {
                    return (await RawHttpClient.GetAsync(discovered, host: "web.test")).Status == 200;
                }
                catch (System.Net.Sockets.SocketException)
                {
                    return false;
                }
            },
            "a discovered listener");
        (await RawHttpClient.GetAsync(http)).BodyText.Should().Be("static");
        Lines(proxy, "no control plane at").Should().ContainSingle();
    }

    private static IEnumerable<string> Lines(ChildProcess process, string text) =>
        process.Error.Split('\n').Where(line => line.Contains(text, StringComparison.Ordinal));
}

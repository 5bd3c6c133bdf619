using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Changes;

/// <summary>Configuration changes while requests run, and none of them fails.</summary>
public sealed class ManifestChangesUnderLoadTests
{
    private const int Changes = 24;

    [Fact]
    public async Task Endpoints_that_change_again_and_again_lose_no_request()
    {
        await using var blue = ScriptedBackend.Start(BackendScripts.Echo(), "blue");
        await using var blue2 = ScriptedBackend.Start(BackendScripts.Echo(), "blue");
        await using var green = ScriptedBackend.Start(BackendScripts.Echo(), "green");
        await using var green2 = ScriptedBackend.Start(BackendScripts.Echo(), "green");
        await using var planes = await SeparatePlanes.StartAsync(
            ("service.yaml", Manifests.Service("web")),
            ("slices.yaml", Manifests.EndpointSlices("web", blue.Port, blue2.Port)),
            ("ingress.yaml", Manifests.Ingress("web", "web.test", ("/", "web"))));
        await using var traffic = SteadyTraffic.Start(planes.HttpPort, host: "web.test");
        await traffic.WaitForMoreAsync(50);

        for (var i = 0; i < Changes; i++)
        {
            var (name, ports) = i % 2 == 0 ? ("green", new[] { green.Port, green2.Port }) : ("blue", [blue.Port, blue2.Port]);
            planes.Folder.Replace("slices.yaml", Manifests.EndpointSlices("web", ports));
            await WaitForAsync(traffic, name);
        }

        Ledger.ShouldBalance(await traffic.StopAsync(), blue, blue2, green, green2);
    }

    [Fact]
    public async Task Changes_faster_than_they_can_be_used_lose_no_request_and_the_last_one_wins()
    {
        await using var first = ScriptedBackend.Start(BackendScripts.Echo(), "first");
        await using var last = ScriptedBackend.Start(BackendScripts.Echo(), "last");
        await using var planes = await SeparatePlanes.StartAsync(
            ("service.yaml", Manifests.Service("web")),
            ("slices.yaml", Manifests.EndpointSlices("web", first.Port)),
            ("ingress.yaml", Manifests.Ingress("web", "web.test", ("/", "web"))));
        await using var traffic = SteadyTraffic.Start(planes.HttpPort, host: "web.test");
        await traffic.WaitForMoreAsync(20);

        for (var i = 0; i < 100; i++)
        {
            planes.Folder.Replace("slices.yaml", Manifests.EndpointSlices("web", i % 2 == 0 ? [first.Port, last.Port] : [first.Port]));
            await traffic.WaitForMoreAsync(5);
        }

        planes.Folder.Replace("slices.yaml", Manifests.EndpointSlices("web", last.Port));
        await Patience.UntilAsync(() => traffic.Records.TakeLast(40).All(record => BackendOf(record) == "last"), "answers of the last one only");

        Ledger.ShouldBalance(await traffic.StopAsync(), first, last);
    }

    [Fact]
    public async Task Backends_that_are_replaced_one_after_the_other_lose_no_request()
    {
        var backends = new List<ScriptedBackend> { ScriptedBackend.Start(BackendScripts.Echo(), "0") };
        await using var planes = await SeparatePlanes.StartAsync(("web.yaml", Manifests.Application("web", "web.test", backends[0].Port)));
        await using var traffic = SteadyTraffic.Start(planes.HttpPort, host: "web.test");
        await traffic.WaitForMoreAsync(20);

        for (var i = 1; i <= 10; i++)
        {
            backends.Add(ScriptedBackend.Start(BackendScripts.Echo(), $"{i}"));
            planes.Folder.Replace("web.yaml", Manifests.Application("web", "web.test", backends[i].Port));
            await WaitForAsync(traffic, $"{i}");

            // What the proxy had sent to the old one before it switched has ended by now; its kept connections go with it.
            await traffic.WaitForMoreAsync(20);
            await backends[i - 1].DisposeAsync();
        }

        Ledger.ShouldBalance(await traffic.StopAsync(), [.. backends]);
        await backends[^1].DisposeAsync();
    }

    [Fact]
    public async Task Services_and_routes_that_come_and_go_disturb_no_other_route()
    {
        await using var steady = ScriptedBackend.Start(BackendScripts.Echo(), "steady");
        await using var other = ScriptedBackend.Start(BackendScripts.Echo(), "other");
        await using var planes = await SeparatePlanes.StartAsync(("steady.yaml", Manifests.Application("steady", "steady.test", steady.Port)));
        await using var traffic = SteadyTraffic.Start(planes.HttpPort, host: "steady.test");
        await traffic.WaitForMoreAsync(20);

        for (var i = 0; i < 10; i++)
        {
            planes.Folder.Replace($"extra-{i}.yaml", Manifests.Application($"extra-{i}", $"extra-{i}.test", other.Port));
            await planes.WaitForStatusAsync(200, $"extra-{i}.test");
            if (i >= 2)
            {
                planes.Folder.Delete($"extra-{i - 2}.yaml");
                await planes.WaitForStatusAsync(404, $"extra-{i - 2}.test");
            }
        }

        Ledger.ShouldBalance(await traffic.StopAsync(), steady);
    }

    [Fact]
    public async Task A_route_that_moves_to_a_service_of_the_same_change_never_finds_it_missing()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var planes = await SeparatePlanes.StartAsync(("web.yaml", Manifests.Application("web-0", "web.test", backend.Port)));
        await using var traffic = SteadyTraffic.Start(planes.HttpPort, host: "web.test");
        await traffic.WaitForMoreAsync(20);

        // Each change takes the cluster that requests run on away and brings another one: make before break.
        for (var i = 1; i <= 20; i++)
        {
            planes.Folder.Replace("web.yaml", Manifests.Application($"web-{i}", "web.test", backend.Port));
            await Patience.UntilAsync(
                async () => (await planes.AdminAsync("/clusters")).Contains($"web-{i}", StringComparison.Ordinal), $"cluster web-{i}");
            await traffic.WaitForMoreAsync(10);
        }

        Ledger.ShouldBalance(await traffic.StopAsync(), backend);
        await Patience.UntilAsync(
            async () => !(await planes.AdminAsync("/clusters")).Contains("web-19", StringComparison.Ordinal), "the end of cluster web-19");
    }

    private static Task WaitForAsync(SteadyTraffic traffic, string backend)
    {
        var seen = traffic.Records.Count;
        return Patience.UntilAsync(() => traffic.Records.Skip(seen).Any(record => BackendOf(record) == backend), $"an answer of {backend}");
    }

    private static string? BackendOf(TrafficRecord record) =>
        record.Response is { Status: 200 } response ? EchoedRequest.From(response).Backend : null;
}

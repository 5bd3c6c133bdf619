using System.Text.Json;
using AwesomeAssertions;
using Envoy.Service.Runtime.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.EndToEnd.Tests.BadControlPlane;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Xds;

namespace KubeProxyNet.EndToEnd.Tests.StaticConfiguration;

/// <summary>The runtime decides what part of the requests a route takes, without new configuration.</summary>
public sealed class RuntimeTests
{
    private const string Routes = """
        { match: { prefix: "/", runtime_fraction: { runtime_key: routing.new, default_value: { numerator: 0 } } }, direct_response: { status: 201 } },
        { match: { prefix: "/" }, direct_response: { status: 200 } }
        """;

    [Fact]
    public async Task The_admin_page_moves_traffic_and_shows_what_is_in_force()
    {
        await using var proxy = await StaticProxy.StartAsync(static (_, http, admin) =>
            Bootstraps.Static(admin, Bootstraps.Listener("http", http, Routes), "")
            + "\nlayered_runtime: { layers: [ { name: base, static_layer: { routing: { new: 0 } } }, { name: admin, admin_layer: {} } ] }\n");
        (await proxy.GetAsync()).Status.Should().Be(200);

        (await proxy.AdminPostAsync("/runtime_modify?routing.new=100")).BodyText.Should().Be("OK\n");
        (await proxy.GetAsync()).Status.Should().Be(201);
        using var runtime = JsonDocument.Parse((await proxy.AdminAsync("/runtime")).BodyText);
        runtime.RootElement.GetRawText().ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal).Should().Be(
            """{"layers":["base","admin"],"entries":{"routing.new":{"layer_values":["0","100"],"final_value":"100"}}}""");

        (await proxy.AdminPostAsync("/runtime_modify?routing.new=")).Status.Should().Be(200);
        (await proxy.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task A_control_plane_delivers_a_layer()
    {
        using var folder = new TempFolder();
        await using var controlPlane = await ScriptedControlPlane.StartAsync();
        var (http, admin) = (FreePort.Take(), FreePort.Take());
        var bootstrap = Bootstraps.Dynamic(admin, controlPlane.Port, staticListeners: $"[ {Bootstraps.Listener("http", http, Routes)} ]")
            + "\nlayered_runtime: { layers: [ { name: ours, rtds_layer: { name: rtds, rtds_config: { ads: {}, resource_api_version: V3 } } } ] }\n";
        await using var proxy = ChildProcess.StartKpn("proxy", "-c", folder.Write("envoy.yaml", bootstrap), "--drain-time-s", "1");
        var request = await controlPlane.WaitForRequestAsync(static request => request.TypeUrl == XdsTypeUrls.Runtime, "the subscription to the layer");
        request.ResourceNames.Should().Equal("rtds");

        var answer = await controlPlane.PushAsync(
            XdsTypeUrls.Runtime, "1", new Runtime { Name = "rtds", Layer = new Struct { Fields = { ["routing.new"] = Value.ForNumber(100) } } });

        answer.ErrorDetail.Should().BeNull();
        answer.VersionInfo.Should().Be("1");
        (await RawHttpClient.GetAsync(http)).Status.Should().Be(201);
    }
}

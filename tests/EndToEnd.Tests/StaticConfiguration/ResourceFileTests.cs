using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.StaticConfiguration;

/// <summary>Clusters and listeners in files that are replaced while the proxy runs, and names that DNS resolves.</summary>
public sealed class ResourceFileTests
{
    [Fact]
    public async Task Files_renamed_into_place_take_effect_and_bad_ones_change_nothing()
    {
        await using var blue = ScriptedBackend.Start(BackendScripts.Echo(), "blue");
        await using var green = ScriptedBackend.Start(BackendScripts.Echo(), "green");
        var second = FreePort.Take();
        await using var proxy = await StaticProxy.StartAsync((folder, http, admin) =>
        {
            folder.Write("cds.yaml", Clusters("1", Bootstraps.Cluster("backend", blue.Port)));
            folder.Write("lds.yaml", Listeners("1", Bootstraps.Listener("http", http, Bootstraps.Route("backend"))));
            return $$"""
                node: { id: n, cluster: c }
                admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } } }
                dynamic_resources:
                  cds_config: { path_config_source: { path: {{folder.File("cds.yaml")}} }, resource_api_version: V3 }
                  lds_config: { path_config_source: { path: {{folder.File("lds.yaml")}} }, resource_api_version: V3 }
                """;
        });
        (await BackendAsync(proxy)).Should().Be("blue");
        await using var traffic = SteadyTraffic.Start(proxy.HttpPort);

        proxy.Folder.Replace("cds.yaml", Clusters("2", Bootstraps.Cluster("backend", green.Port)));
        await Patience.UntilAsync(async () => await BackendAsync(proxy) == "green", "the new endpoint");

        proxy.Folder.Replace("cds.yaml", "resources: [ { nonsense: true } ]");
        await proxy.Process.WaitForLineAsync("what was read before stays in force");
        (await BackendAsync(proxy)).Should().Be("green");

        var listener = Bootstraps.Listener("http", proxy.HttpPort, Bootstraps.Route("backend"));
        proxy.Folder.Replace("lds.yaml", Listeners("2", listener, Bootstraps.Listener("second", second, Bootstraps.Route("backend"))));
        await Patience.UntilAsync(async () => (await proxy.AdminAsync("/listeners")).BodyText.Contains($"second::127.0.0.1:{second}", StringComparison.Ordinal), "a second listener");
        (await RawHttpClient.GetAsync(second)).Status.Should().Be(200);

        proxy.Folder.Replace("lds.yaml", Listeners("3", listener));
        await Patience.UntilAsync(async () => !(await proxy.AdminAsync("/listeners")).BodyText.Contains("second", StringComparison.Ordinal), "its end");
        proxy.Folder.Replace("cds.yaml", Clusters("3", Bootstraps.Cluster("backend", blue.Port)));
        await Patience.UntilAsync(async () => await BackendAsync(proxy) == "blue", "the first endpoint again");

        (await traffic.StopAsync()).Should().OnlyContain(static record => record.Response != null && record.Response.Status == 200);
    }

    [Fact]
    public async Task A_dns_cluster_finds_localhost()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = await StaticProxy.StartAsync((_, http, admin) => Bootstraps.Static(
            admin,
            Bootstraps.Listener("http", http, Bootstraps.Route("backend")),
            $$"""
            { name: backend, type: STRICT_DNS, dns_lookup_family: V4_ONLY, connect_timeout: 1s, load_assignment: { cluster_name: backend,
              endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: localhost, port_value: {{backend.Port}} } } } } ] } ] } }
            """.ReplaceLineEndings(" ")));

        await Patience.UntilAsync(async () => (await proxy.GetAsync()).Status == 200, "an answer through localhost");
        (await proxy.AdminAsync("/clusters")).BodyText.Should().Contain($"backend::127.0.0.1:{backend.Port}::");
    }

    [Fact]
    public async Task A_name_that_does_not_exist_gives_503_and_one_line()
    {
        await using var proxy = await StaticProxy.StartAsync((_, http, admin) => Bootstraps.Static(
            admin,
            Bootstraps.Listener("http", http, Bootstraps.Route("backend")),
            """
            { name: backend, type: STRICT_DNS, connect_timeout: 1s, dns_refresh_rate: 0.05s, load_assignment: { cluster_name: backend,
              endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: no-such-name.invalid, port_value: 80 } } } } ] } ] } }
            """.ReplaceLineEndings(" ")));

        await proxy.Process.WaitForLineAsync("\"no-such-name.invalid\" of cluster backend cannot be resolved");
        (await proxy.GetAsync()).Status.Should().Be(503);
        proxy.Process.Error.Split('\n').Where(static line => line.Contains("no-such-name", StringComparison.Ordinal)).Should().ContainSingle();
    }

    private static async Task<string?> BackendAsync(StaticProxy proxy) =>
        await proxy.GetAsync() is { Status: 200 } response ? EchoedRequest.From(response).Backend : null;

    private static string Clusters(string version, params string[] clusters) => Response(version, "envoy.config.cluster.v3.Cluster", clusters);

    private static string Listeners(string version, params string[] listeners) => Response(version, "envoy.config.listener.v3.Listener", listeners);

    // A resource of a file begins with its type.
    private static string Response(string version, string type, string[] resources) =>
        $"version_info: \"{version}\"\nresources: [ {string.Join(", ", resources.Select(resource => $"{{ \"@type\": type.googleapis.com/{type}, {resource.Trim()[1..]}"))} ]\n";
}

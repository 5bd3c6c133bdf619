using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Faults;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;

namespace KubeProxyNet.EndToEnd.Tests.Resilience;

/// <summary>All endpoints of a service are restarted under load, three times: nothing is lost, and nothing runs twice that must not.</summary>
[Collection(AloneCollection.Name)]
public sealed class RollingRestartTests
{
    private const int Endpoints = 50;
    private const int Rounds = 3;
    private const string Host = "web.test";

    /// <summary>How many endpoints are replaced with one change.</summary>
    private static readonly int Surge = LongRun.IsAsked ? 1 : 10;

    private static readonly FaultTrafficOptions Traffic =
        new() { Host = Host, MaxBody = 4_000, Pace = TimeSpan.FromMilliseconds(LongRun.IsAsked ? 2 : 4), MaxRecords = 1_000_000 };

    [Fact]
    public async Task As_a_deployment_does_it_with_new_endpoints_that_come_before_old_ones_go()
    {
        var ledger = new SharedLedger();
        var backends = Enumerable.Range(0, Endpoints).Select(_ => RestartableBackend.Start(ledger)).ToList();
        await using var planes = await SeparatePlanes.StartAsync(
            ("service.yaml", Manifests.Service("web")), ("slices.yaml", Slices(backends)), ("ingress.yaml", Manifests.Ingress("web", Host, ("/", "web"))));
        await ReplaceAllAsync(
            ledger, backends, planes.HttpPort, now => planes.Folder.Replace("slices.yaml", Slices(now)), () => planes.AdminAsync("/clusters"));
    }

    [Fact]
    public async Task As_files_of_clusters_tell_of_it_that_are_renamed_into_place()
    {
        var ledger = new SharedLedger();
        var backends = Enumerable.Range(0, Endpoints).Select(_ => RestartableBackend.Start(ledger)).ToList();
        await using var proxy = await StaticProxy.StartAsync((folder, http, admin) =>
        {
            folder.Write("cds.yaml", Clusters(backends));
            return $$"""
                node: { id: n, cluster: c }
                admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } } }
                dynamic_resources: { cds_config: { path_config_source: { path: {{folder.File("cds.yaml")}} }, resource_api_version: V3 } }
                static_resources: { listeners: [ {{Bootstraps.Listener("http", http, Bootstraps.Route("web"))}} ] }
                """;
        });
        await ReplaceAllAsync(
            ledger, backends, proxy.HttpPort, now => proxy.Folder.Replace("cds.yaml", Clusters(now)), async () => (await proxy.AdminAsync("/clusters")).BodyText);
    }

    [Fact]
    public async Task As_a_file_of_endpoints_tells_of_it_that_is_renamed_into_place()
    {
        // Three times fifty endpoints where time is taken for it; once ten in every run.
        var (endpoints, rounds) = LongRun.IsAsked ? (Endpoints, Rounds) : (10, 1);
        var ledger = new SharedLedger();
        var backends = Enumerable.Range(0, endpoints).Select(_ => RestartableBackend.Start(ledger)).ToList();
        await using var proxy = await StaticProxy.StartAsync((folder, http, admin) =>
        {
            folder.Write("eds.yaml", Assignments(backends));
            return Bootstraps.Static(
                admin,
                Bootstraps.Listener("http", http, Bootstraps.Route("web")),
                $"{{ name: web, type: EDS, connect_timeout: 1s, eds_cluster_config: {{ eds_config: {{ path_config_source: {{ path: {folder.File("eds.yaml")} }} }} }} }}");
        });
        await ReplaceAllAsync(
            ledger, backends, proxy.HttpPort, now => proxy.Folder.Replace("eds.yaml", Assignments(now)), async () => (await proxy.AdminAsync("/clusters")).BodyText, rounds, surge: LongRun.IsAsked ? 1 : 2);
    }

    /// <summary>Traffic, under which every endpoint is replaced, three times where nothing else is said.</summary>
    private static async Task ReplaceAllAsync(
        SharedLedger ledger, List<RestartableBackend> backends, int port, Action<List<RestartableBackend>> publish, Func<Task<string>> clusters, int rounds = Rounds, int? surge = null)
    {
        var endpoints = backends.Count;
        var atOnce = surge ?? Surge;
        await using var traffic = FaultTraffic.Start(port, Traffic);
        await traffic.WaitForMoreAsync(200);

        for (var change = 0; change < rounds * endpoints / atOnce; change++)
        {
            var old = backends[..atOnce];
            var fresh = Enumerable.Range(0, atOnce).Select(_ => RestartableBackend.Start(ledger)).ToArray();
            backends = [.. backends[atOnce..], .. fresh];
            publish(backends);
            await WaitForAsync(clusters, fresh, old);
            await Task.WhenAll(old.Select(static backend => backend.EndAfterLastConnectionAsync()));
        }

        await traffic.WaitForMoreAsync(200);
        var asked = await traffic.StopAsync();
        ledger.ShouldHaveAll(asked);
        LongRun.Report($"{rounds} x {endpoints} endpoints replaced in {traffic.Elapsed.TotalSeconds:F1} s, {asked.Count} requests asked, {ledger.Count} executed");
        await Task.WhenAll(backends.Select(static backend => backend.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task In_place_while_the_configuration_stays()
    {
        var ledger = new SharedLedger();
        var backends = Enumerable.Range(0, Endpoints).Select(_ => RestartableBackend.Start(ledger)).ToArray();
        await using var proxy = await StaticProxy.StartAsync((_, http, admin) => Bootstraps.Static(
            admin,
            Bootstraps.Listener("http", http, """{ match: { prefix: "/" }, route: { cluster: backend, retry_policy: { retry_on: connect-failure, num_retries: 5, retry_back_off: { base_interval: 0.005s } } } }"""),
            Bootstraps.Cluster("backend", [.. backends.Select(static backend => backend.Port)])));
        await using var traffic = FaultTraffic.Start(proxy.HttpPort, Traffic);
        await traffic.WaitForMoreAsync(200);

        for (var restart = 0; restart < Rounds * Endpoints; restart++)
        {
            await backends[restart % Endpoints].RestartAsync();
            await traffic.WaitForMoreAsync(LongRun.IsAsked ? 50 : 5);
        }

        await traffic.WaitForMoreAsync(200);
        var asked = await traffic.StopAsync();
        var told = asked.Count(static record => !record.IsSuccess);

        // RFC 9112 section 9.3.1: a connection may be ended just as a request goes out on it. What must not run twice is then not sent again, and its client is told.
        ledger.ShouldHaveAll(asked, static record => record.Method == "POST");
        told.Should().BeLessThanOrEqualTo(asked.Count / 100);
        LongRun.Report(
            $"{Rounds} x {Endpoints} endpoints restarted in {traffic.Elapsed.TotalSeconds:F1} s, {asked.Count} requests asked, {ledger.Count} executed, "
            + $"{await proxy.StatAsync("cluster.backend.upstream_rq_retry")} sent again, {told} POST met the end of a connection and were told so");
        await Task.WhenAll(backends.Select(static backend => backend.DisposeAsync().AsTask()));
    }

    private static string Slices(IEnumerable<RestartableBackend> backends) => Manifests.EndpointSlices("web", [.. backends.Select(static backend => backend.Port)]);

    private static string Assignments(IEnumerable<RestartableBackend> backends) =>
        $"resources: [ {{ \"@type\": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment, {Bootstraps.Assignment("web", [.. backends.Select(static backend => backend.Port)])[1..]} ]\n";

    private static string Clusters(IEnumerable<RestartableBackend> backends) =>
        $"resources: [ {{ \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, {Bootstraps.Cluster("web", [.. backends.Select(static backend => backend.Port)])[1..]} ]\n";

    /// <summary>Waits until the proxy has the new endpoints and no longer the old ones.</summary>
    private static Task WaitForAsync(Func<Task<string>> clusters, RestartableBackend[] fresh, List<RestartableBackend> old) => Patience.UntilAsync(
        async () =>
        {
            var page = await clusters();
            return Array.TrueForAll(fresh, backend => Has(page, backend)) && !old.Exists(backend => Has(page, backend));
        },
        "the new endpoints in force");

    private static bool Has(string page, RestartableBackend backend) => page.Contains($"127.0.0.1:{backend.Port}:", StringComparison.Ordinal);
}

using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Contenders;

/// <summary>Our own proxy, from a binary that was given or one published with NativeAOT for the occasion.</summary>
internal sealed class KpnContender : Contender
{
    private const string HeapStat = "server.worker_heap_allocated_bytes";

    private readonly int _adminPort = LoopbackPort.Free();

    public override string Name => "kpn";

    public override Task<string> VersionAsync(CancellationToken cancel) => Task.FromResult("this commit");

    public override async Task<RunningProcess> StartAsync(ContenderSite site, CancellationToken cancel)
    {
        var binary = site.Options.KpnPath ?? await PublishAsync(cancel);
        if (!File.Exists(binary))
        {
            throw new LoadException($"--kpn: there is no file {binary}");
        }

        var file = Path.Combine(site.Folder, "bootstrap.yaml");
        await File.WriteAllTextAsync(file, Configuration(site), cancel);
        string[] arguments = ["proxy", "-c", file, "--concurrency", "1"];
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["DOTNET_PROCESSOR_COUNT"] = "1" };
        return binary.EndsWith(".dll", StringComparison.Ordinal)
            ? RunningProcess.Start(site.Core, "dotnet", [binary, .. arguments], environment)
            : RunningProcess.Start(site.Core, binary, arguments, environment);
    }

    public override async Task<long?> HeapBytesAsync(CancellationToken cancel)
    {
        using var client = new HttpClient();
        var text = await client.GetStringAsync(new Uri($"http://127.0.0.1:{_adminPort}/stats?filter={HeapStat}"), cancel);
        return long.TryParse(text.Split(':')[^1].Trim(), out var bytes) ? bytes : null;
    }

    private static async Task<string> PublishAsync(CancellationToken cancel)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "kpn-aot");
        await Console.Error.WriteLineAsync("publishing src/Cli with NativeAOT ...");
        await RunningProcess.RunAsync(
            "dotnet",
            ["publish", "src/Cli", "-c", "Release", "-r", "linux-x64", "-p:PublishAot=true", "-v", "q", "-o", folder],
            cancel,
            Repository.Root());
        return Path.Combine(folder, "kpn");
    }

    private string Configuration(ContenderSite site) => $$"""
        node: { id: load, cluster: load }
        admin:
          address:
            socket_address: { address: 127.0.0.1, port_value: {{_adminPort}} }
        static_resources:
          listeners:
          - name: ingress
            address:
              socket_address: { address: 127.0.0.1, port_value: {{site.Port}} }
            filter_chains:
            - filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: ingress
                  use_remote_address: true
                  route_config:
                    name: local
                    virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
        {{Routes(site.Options.Routes)}}
                  http_filters:
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          clusters:
          - name: backend
            type: STATIC
            connect_timeout: 5s
            load_assignment:
              cluster_name: backend
              endpoints:
              - lb_endpoints:
                - endpoint:
                    address:
                      socket_address: { address: 127.0.0.1, port_value: {{site.BackendPort}} }

        """;

    private static string Routes(int count)
    {
        var numbered = Enumerable.Range(0, count == 1 ? 0 : count).Select(i => Route($"/route-{i}/"));
        return string.Join('\n', numbered.Append(Route("/")));
    }

    private static string Route(string prefix) => $$"""
                      - match: { prefix: "{{prefix}}" }
                        route: { cluster: backend }
        """;
}

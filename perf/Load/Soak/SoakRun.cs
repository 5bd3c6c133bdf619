using System.Globalization;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Soak;

/// <summary>The soak: see <see cref="SoakOptions.Usage"/>.</summary>
internal static class SoakRun
{
    private const int SettlingMinutes = 2;
    private const double MaxGrowth = 1.10;

    /// <summary>Runs it; the status of the process.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        SoakOptions options;
        try
        {
            options = SoakOptions.Parse(args);
        }
        catch (FormatException e)
        {
            await Console.Error.WriteLineAsync($"{e.Message}\n\n{SoakOptions.Usage}");
            return 2;
        }

        var folder = Directory.CreateTempSubdirectory("kpn-soak-").FullName;
        try
        {
            return await RunAsync(options, folder, CancellationToken.None) ? 0 : 1;
        }
        catch (LoadException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<bool> RunAsync(SoakOptions options, string folder, CancellationToken cancel)
    {
        var (http, admin) = (LoopbackPort.Free(), LoopbackPort.Free());
        await using var backend = await SoakBackend.StartAsync(LoopbackPort.Free(), cancel);
        var bootstrap = Path.Combine(folder, "bootstrap.yaml");
        await File.WriteAllTextAsync(bootstrap, Bootstrap(http, admin, backend.Port), cancel);
        await using var proxy = RunningProcess.Start(0, options.KpnPath, ["proxy", "-c", bootstrap, "--concurrency", "2"]);
        await LoopbackPort.WaitForAnswerAsync("kpn", admin, "/ready", proxy, cancel);
        await using var clients = new SoakClients(backend, http);
        Console.WriteLine("| minute | requests | RSS MB | GC heap MB | descriptors | blocks | faults |\n| -----: | -------: | -----: | ---------: | ----------: | -----: | -----: |");
        var settled = 0L;
        var most = 0L;
        for (var minute = 1; minute <= options.Minutes; minute++)
        {
            await Task.Delay(TimeSpan.FromMinutes(1), cancel);
            if (proxy.HasExited)
            {
                throw new LoadException($"kpn ended: {proxy.Obituary}");
            }

            var resident = MemoryUse.Of(proxy.Id).ResidentBytes;
            settled = minute <= SettlingMinutes ? Math.Max(settled, resident) : settled;
            most = minute > SettlingMinutes ? Math.Max(most, resident) : most;
            var heap = await StatAsync(admin, "server.memory_allocated", cancel);
            var blocks = await StatAsync(admin, "server.worker_blocks_rented", cancel);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {minute} | {clients.Asked} | {resident / 1e6:F1} | {heap / 1e6:F1} | {Directory.GetFiles($"/proc/{proxy.Id}/fd").Length} | {blocks} | {clients.Faults.Count} |"));
        }

        await clients.StopAsync();
        foreach (var fault in clients.Faults)
        {
            Console.WriteLine(fault);
        }

        var isFlat = most <= settled * MaxGrowth;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"memory after the second minute: {(double)most / settled:F2} of the most before (at most {MaxGrowth:F2}); {clients.Faults.Count} faults, {backend.Unsettled} requests in the backend's ledger that nobody asked for"));
        return isFlat && clients.Faults.Count == 0 && backend.Unsettled == 0;
    }

    private static async Task<long> StatAsync(int admin, string name, CancellationToken cancel)
    {
        using var client = new HttpClient();
        var text = await client.GetStringAsync(new Uri($"http://127.0.0.1:{admin}/stats?filter={name}"), cancel);
        return long.TryParse(text.Split(':')[^1].Trim(), out var value) ? value : 0;
    }

    private static string Bootstrap(int http, int admin, int backend) => $$"""
        node: { id: soak, cluster: load }
        admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } } }
        static_resources:
          listeners:
          - name: ingress
            address: { socket_address: { address: 127.0.0.1, port_value: {{http}} } }
            filter_chains:
            - filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: ingress
                  upgrade_configs: [ { upgrade_type: websocket } ]
                  route_config:
                    name: local
                    virtual_hosts: [ { name: all, domains: ["*"], routes: [ { match: { prefix: "/" }, route: { cluster: backend } } ] } ]
                  http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          clusters:
          - name: backend
            type: STATIC
            connect_timeout: 5s
            load_assignment:
              cluster_name: backend
              endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{backend}} } } } } ] } ]
        """;
}

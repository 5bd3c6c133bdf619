using System.Diagnostics;
using System.Globalization;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Reporting;

namespace KubeProxyNet.Load.Update;

/// <summary>The measurement of updates: see <see cref="UpdateOptions.Usage"/>.</summary>
internal static class EndpointUpdate
{
    private const string Host = "s0.test";

    /// <summary>Runs it; the status of the process.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        UpdateOptions options;
        try
        {
            options = UpdateOptions.Parse(args);
        }
        catch (FormatException e)
        {
            await Console.Error.WriteLineAsync($"{e.Message}\n\n{UpdateOptions.Usage}");
            return 2;
        }

        var folder = Directory.CreateTempSubdirectory("kpn-update-").FullName;
        try
        {
            var loadAtStart = await Report.LoadAverageAsync(CancellationToken.None);
            var (milliseconds, requests) = await MeasureAsync(options, folder, CancellationToken.None);
            var text = Describe(options, milliseconds, requests);
            Console.WriteLine(text);
            if (options.OutFile is { } file)
            {
                await File.WriteAllTextAsync(file, await MarkdownAsync(options, text, loadAtStart));
            }

            return 0;
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

    private static async Task<(double[] Milliseconds, long Requests)> MeasureAsync(UpdateOptions options, string folder, CancellationToken cancel)
    {
        await using var one = await NamedBackend.StartAsync("one", LoopbackPort.Free(), cancel);
        await using var other = await NamedBackend.StartAsync("other", LoopbackPort.Free(), cancel);
        var manifests = Directory.CreateDirectory(Path.Combine(folder, "manifests")).FullName;
        for (var i = 0; i < options.Services; i++)
        {
            await File.WriteAllTextAsync(Path.Combine(manifests, $"service-{i}.yaml"), Service(i), cancel);
            await File.WriteAllTextAsync(SliceFile(manifests, i), Slice(i, one.Port), cancel);
        }

        var (xds, http, admin) = (LoopbackPort.Free(), LoopbackPort.Free(), LoopbackPort.Free());
        await using var controlPlane = RunningProcess.Start(
            0, options.KpnPath, ["control-plane", "--source", manifests, "--xds-address", $"127.0.0.1:{xds}", "--http-address", "127.0.0.1", "--http-port", $"{http}"]);
        var bootstrap = Path.Combine(folder, "bootstrap.yaml");
        await File.WriteAllTextAsync(bootstrap, Bootstrap(xds, admin), cancel);
        await using var proxy = RunningProcess.Start(0, options.KpnPath, ["proxy", "-c", bootstrap, "--concurrency", "1", "--drain-time-s", "1"]);
        await LoopbackPort.WaitForAnswerAsync("kpn", admin, "/ready", proxy, cancel);

        await using var clients = new AskingClients(http, Host, options.Clients);
        await clients.FirstAnswerOf(one.Name).WaitAsync(TimeSpan.FromSeconds(20), cancel);
        var milliseconds = new double[options.Changes];
        for (var i = 0; i < options.Changes; i++)
        {
            var next = i % 2 == 0 ? other : one;
            var whole = Path.Combine(folder, "whole");
            await File.WriteAllTextAsync(whole, Slice(0, next.Port), cancel);
            var seen = clients.FirstAnswerOf(next.Name);
            var written = Stopwatch.GetTimestamp();
            File.Move(whole, SliceFile(manifests, 0), overwrite: true);
            milliseconds[i] = Stopwatch.GetElapsedTime(written, await seen.WaitAsync(TimeSpan.FromSeconds(20), cancel)).TotalMilliseconds;

            // What ran on the endpoint that left has ended before it comes back.
            await Task.Delay(200, cancel);
        }

        return clients.Failures == 0
            ? (milliseconds, clients.Requests)
            : throw new LoadException($"{clients.Failures} of {clients.Requests} requests failed\n{proxy.Output}");
    }

    private static string Describe(UpdateOptions options, double[] milliseconds, long requests)
    {
        var sorted = milliseconds.Order().ToArray();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            | Services | changes | min ms | median ms | p90 ms | max ms | requests meanwhile | failed |
            | -------: | ------: | -----: | --------: | -----: | -----: | -----------------: | -----: |
            | {options.Services} | {options.Changes} | {sorted[0]:F0} | {sorted[sorted.Length / 2]:F0} | {sorted[sorted.Length * 9 / 10]:F0} | {sorted[^1]:F0} | {requests} | 0 |
            """);
    }

    private static async Task<string> MarkdownAsync(UpdateOptions options, string table, string loadAtStart) => $"""
        # A changed EndpointSlice, from the file to the first answer of the new endpoint

        {table}

        Control plane and proxy (one worker) are processes of their own on core 0, joined by xDS over gRPC. {options.Clients} clients ask for the changed Service
        without a pause; each change is a new file renamed into place. Of the time, 50 ms are the control plane's wait for the files to settle
        and 10 ms its wait for more objects.

        - command: `dotnet run -c Release --project perf/Load -- update --kpn kpn --services {options.Services} --changes {options.Changes} --clients {options.Clients}`
        - commit: {await Repository.CommitAsync(CancellationToken.None)}, {DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC
        - load average at the start: {loadAtStart}, {Environment.ProcessorCount} cores

        """;

    private static string SliceFile(string manifests, int index) => Path.Combine(manifests, $"slice-{index}.yaml");

    private static string Service(int index) => $$"""
        apiVersion: v1
        kind: Service
        metadata: { name: s{{index}} }
        spec: { ports: [ { name: http, port: 80 } ] }
        ---
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: { name: s{{index}} }
        spec:
          rules:
            - host: s{{index}}.test
              http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: s{{index}}, port: { name: http } } } } ] }
        """;

    private static string Slice(int index, int port) => $$"""
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: { name: s{{index}}-1, labels: { kubernetes.io/service-name: s{{index}} } }
        addressType: IPv4
        endpoints: [ { addresses: [ 127.0.0.1 ] } ]
        ports: [ { name: http, port: {{port}} } ]
        """;

    private static string Bootstrap(int xds, int admin) => $$"""
        node: { id: update, cluster: load }
        admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } } }
        dynamic_resources:
          ads_config: { api_type: GRPC, transport_api_version: V3, grpc_services: [ { envoy_grpc: { cluster_name: control-plane } } ] }
          cds_config: { ads: {}, resource_api_version: V3 }
          lds_config: { ads: {}, resource_api_version: V3 }
        static_resources:
          clusters:
          - name: control-plane
            type: STATIC
            connect_timeout: 5s
            load_assignment:
              cluster_name: control-plane
              endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{xds}} } } } } ] } ]
        """;
}

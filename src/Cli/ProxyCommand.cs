using System.CommandLine;
using KubeProxyNet.Proxy;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Cli;

/// <summary><c>kpn proxy</c>: the data plane, from an Envoy v3 bootstrap.</summary>
internal static class ProxyCommand
{
    public static Command Create()
    {
        var config = new Option<string>("--config-path", "-c") { Description = "Envoy v3 bootstrap, YAML or JSON", Required = true };
        var concurrency = new Option<int>("--concurrency") { Description = "number of workers; one a granted CPU unless given" }.InRange(1);
        var node = new Option<string?>("--service-node") { Description = "node id, over the bootstrap's" };
        var cluster = new Option<string?>("--service-cluster") { Description = "node cluster, over the bootstrap's" };
        var adminPath = new Option<string?>("--admin-address-path") { Description = "file to write the admin address to" };
        var drain = new Option<int>("--drain-time-s") { Description = "longest wait for running requests at the end, in seconds", DefaultValueFactory = static _ => 600 }.InRange(0);
        var command = new Command("proxy", "Run the data plane from an Envoy v3 bootstrap.") { config, concurrency, node, cluster, adminPath, drain };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(config)!, bootstrapOptions => bootstrapOptions with
        {
            Concurrency = parsed.GetValue(concurrency),
            ServiceNode = parsed.GetValue(node),
            ServiceCluster = parsed.GetValue(cluster),
            AdminAddressPath = parsed.GetValue(adminPath),
            DrainTime = TimeSpan.FromSeconds(parsed.GetValue(drain)),
        }));
        return command;
    }

    /// <summary>Runs a proxy until it is told to end, then drains it.</summary>
    public static async Task ServeAsync(ProxyServer server, Termination termination)
    {
        await Task.WhenAny(termination.Requested, server.QuitRequested);
        await server.DrainAsync();
    }

    private static async Task<int> RunAsync(string path, Func<ProxyOptions, ProxyOptions> configure)
    {
        var loaded = BootstrapLoader.Load(path);
        if (loaded.Value is not { } bootstrap)
        {
            return ExitStatus.Fail(string.Join(Environment.NewLine, loaded.Errors));
        }

        using var termination = new Termination();
        using var loggers = Logs.Create(TimeProvider.System);
        try
        {
            await using var server = await ProxyServer.StartAsync(configure(new ProxyOptions { Bootstrap = bootstrap, ConfigPath = path, Places = loaded.Places }), loggers);
            await ServeAsync(server, termination);
            return ExitStatus.Success;
        }
        catch (Exception error) when (error is ProxyConfigurationException or IOException)
        {
            return ExitStatus.Fail(error.Message);
        }
    }
}

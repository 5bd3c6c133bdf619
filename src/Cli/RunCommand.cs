using System.CommandLine;
using System.Net;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Proxy;

namespace KubeProxyNet.Cli;

/// <summary><c>kpn run</c>: an ingress without a cluster, from a folder of manifests.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var manifests = new Option<string>("--manifests") { Description = "folder of Kubernetes manifests, watched", Required = true };
        var httpAddress = new Option<string>("--http-address") { Description = "address to serve HTTP on", DefaultValueFactory = static _ => "0.0.0.0" }.AsAddress();
        var httpPort = new Option<int>("--http-port") { Description = "port to serve HTTP on", DefaultValueFactory = static _ => 8080 }.AsPort();
        var adminPort = new Option<int>("--admin-port") { Description = "port of the admin page on 127.0.0.1", DefaultValueFactory = static _ => 9901 }.AsPort();
        var concurrency = new Option<int>("--concurrency") { Description = "number of workers; one a granted CPU unless given" }.InRange(1);
        var drain = new Option<int>("--drain-time-s") { Description = "longest wait for running requests at the end, in seconds", DefaultValueFactory = static _ => 600 }.InRange(0);
        var accessLog = new Option<bool>("--access-log") { Description = "log each request to standard output" };
        var command = new Command("run", "Serve Kubernetes manifests: control plane and proxy in one process.")
        {
            manifests, httpAddress, httpPort, adminPort, concurrency, drain, accessLog,
        };
        command.SetAction((parsed, _) => RunAsync(
            parsed.GetValue(manifests)!,
            new TranslationOptions { HttpAddress = parsed.GetValue(httpAddress)!, HttpPort = parsed.GetValue(httpPort), AccessLog = parsed.GetValue(accessLog) },
            new IPEndPoint(IPAddress.Loopback, parsed.GetValue(adminPort)),
            TimeSpan.FromSeconds(parsed.GetValue(drain)),
            parsed.GetValue(concurrency)));
        return command;
    }

    private static async Task<int> RunAsync(string manifests, TranslationOptions translation, IPEndPoint admin, TimeSpan drainTime, int concurrency)
    {
        using var termination = new Termination();
        using var loggers = Logs.Create(TimeProvider.System);
        try
        {
            await using var planes = await BothPlanes.StartAsync(manifests, translation, admin, drainTime, concurrency, loggers);
            if (planes.Proxy.ListenerAddress("http") is null)
            {
                return ExitStatus.Fail($"nothing listens on {translation.HttpAddress}:{translation.HttpPort}; the log above says why");
            }

            await ProxyCommand.ServeAsync(planes.Proxy, termination);
            return ExitStatus.Success;
        }
        catch (Exception error) when (error is ProxyConfigurationException or IOException)
        {
            return ExitStatus.Fail(error.Message);
        }
    }
}

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
        var translation = new TranslationFlags();
        var adminPort = new Option<int>("--admin-port") { Description = "port of the admin page on 127.0.0.1", DefaultValueFactory = static _ => 9901 }.AsPort();
        var concurrency = new Option<int>("--concurrency") { Description = "number of workers; one a granted CPU unless given" }.InRange(1);
        var drain = new Option<int>("--drain-time-s") { Description = "longest wait for running requests at the end, in seconds", DefaultValueFactory = static _ => 600 }.InRange(0);
        var command = new Command("run", "Serve Kubernetes manifests: control plane and proxy in one process.")
        {
            manifests, adminPort, concurrency, drain,
        };
        translation.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(
            parsed.GetValue(manifests)!,
            translation.Read(parsed),
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
            await using var planes = await BothPlanes.StartAsync(manifests, [], translation, admin, drainTime, concurrency, loggers);
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

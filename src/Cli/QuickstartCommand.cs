using System.CommandLine;
using System.Net;
using KubeProxyNet.Cli.Quickstart;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Proxy;

namespace KubeProxyNet.Cli;

/// <summary><c>kpn quickstart</c>: the whole path in one process: manifests, control plane, xDS, proxy, two demo backends.</summary>
internal static class QuickstartCommand
{
    private const int HttpPort = 8080;
    private const int AdminPort = 9901;

    public static Command Create()
    {
        var command = new Command("quickstart", "Run control plane, proxy and two demo backends; prints what to try.");
        command.SetAction((_, _) => RunAsync());
        return command;
    }

    private static async Task<int> RunAsync()
    {
        using var termination = new Termination();
        using var loggers = Logs.Create(TimeProvider.System);
        try
        {
            var manifests = DemoManifests.Find();
            await using var web = await DemoBackend.StartAsync("web", 18081);
            await using var echo = await DemoBackend.StartAsync("echo", 18082);
            await using var planes = await BothPlanes.StartAsync(
                manifests, new TranslationOptions { HttpPort = HttpPort }, new IPEndPoint(IPAddress.Loopback, AdminPort), TimeSpan.FromSeconds(10), 0, loggers);
            if (planes.Proxy.ListenerAddress("http") is null)
            {
                return ExitStatus.Fail($"nothing listens on port {HttpPort}; the log above says why");
            }

            Console.WriteLine(Welcome(manifests, planes));
            await ProxyCommand.ServeAsync(planes.Proxy, termination);
            return ExitStatus.Success;
        }
        catch (Exception error) when (error is ProxyConfigurationException or IOException)
        {
            return ExitStatus.Fail(error.Message);
        }
    }

    private static string Welcome(string manifests, BothPlanes planes) => $"""

        kpn quickstart is up.
          manifests      {manifests}  (watched: edit them and see)
          control plane  xDS v3 over gRPC on {planes.ControlPlane.Address}
          proxy          http://localhost:{HttpPort}
          backends       web on 127.0.0.1:18081, echo on 127.0.0.1:18082
          admin          http://{planes.Proxy.AdminAddress}

        Try:
          curl http://localhost:{HttpPort}/
          curl -H 'Host: demo.localhost' http://localhost:{HttpPort}/echo
          curl http://{planes.Proxy.AdminAddress}/clusters

        Ctrl-C drains and ends.
        """;
}

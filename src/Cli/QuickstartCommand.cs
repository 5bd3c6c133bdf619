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
    private const int HttpsPort = 8443;
    private const int AdminPort = 9901;

    public static Command Create()
    {
        var command = new Command("quickstart", "Run control plane, proxy and two demo backends; prints what to try.");
        command.SetAction((_, _) => RunAsync());
        return command;
    }

    private static async Task<int> RunAsync()
    {
        using var termination = new Termination(endsOnHangup: true);
        using var loggers = Logs.Create(TimeProvider.System);
        try
        {
            var manifests = DemoManifests.Find();
            using var certificates = DemoCertificates.Make(TimeProvider.System);
            await using var web = await DemoBackend.StartAsync("web", 18081);
            await using var echo = await DemoBackend.StartAsync("echo", 18082);
            await using var planes = await BothPlanes.StartAsync(
                manifests,
                [certificates.Secret],
                new TranslationOptions { HttpPort = HttpPort, HttpsPort = HttpsPort, DefaultTlsSecret = DemoCertificates.SecretName },
                new IPEndPoint(IPAddress.Loopback, AdminPort),
                TimeSpan.FromSeconds(10),
                0,
                loggers);
            foreach (var (listener, port) in new[] { (Translator.HttpListenerName, HttpPort), (Translator.HttpsListenerName, HttpsPort) })
            {
                if (planes.Proxy.ListenerAddress(listener) is null)
                {
                    return ExitStatus.Fail($"nothing listens on port {port}; the log above says why");
                }
            }

            Console.WriteLine(Welcome(manifests, certificates, planes));
            await ProxyCommand.ServeAsync(planes.Proxy, termination);
            return ExitStatus.Success;
        }
        catch (Exception error) when (error is ProxyConfigurationException or IOException)
        {
            return ExitStatus.Fail(error.Message);
        }
    }

    private static string Welcome(string manifests, DemoCertificates certificates, BothPlanes planes) => $"""

        kpn quickstart is up.
          manifests      {manifests}  (watched: edit them and see)
          control plane  xDS v3 over gRPC on {planes.ControlPlane.Address}
          proxy          http://localhost:{HttpPort} and https://localhost:{HttpsPort}
          certificate    made for this run; {certificates.AuthorityFile} is whom to trust
          backends       web on 127.0.0.1:18081, echo on 127.0.0.1:18082
          admin          http://{planes.Proxy.AdminAddress}

        Try:
          curl http://localhost:{HttpPort}/
          curl -H 'Host: demo.localhost' http://localhost:{HttpPort}/echo
          curl --cacert {certificates.AuthorityFile} https://demo.localhost:{HttpsPort}/echo
          curl -k https://localhost:{HttpsPort}/
          curl -i http://secure.localhost:{HttpPort}/
          curl http://{planes.Proxy.AdminAddress}/clusters

        Ctrl-C drains and ends.
        """;
}

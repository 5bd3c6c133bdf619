using System.CommandLine;
using System.Net;
using KubeProxyNet.ControlPlane.Serving;
using KubeProxyNet.ControlPlane.Translation;

namespace KubeProxyNet.Cli;

/// <summary><c>kpn control-plane</c>: manifests in, xDS out.</summary>
internal static class ControlPlaneCommand
{
    public static Command Create()
    {
        var source = new Option<string>("--source") { Description = "folder of Kubernetes manifests, watched", Required = true };
        var address = new Option<string>("--xds-address") { Description = "HOST:PORT to serve xDS on", DefaultValueFactory = static _ => "127.0.0.1:18000" }.AsAddressAndPort();
        var translation = new TranslationFlags();
        var command = new Command("control-plane", "Serve xDS v3 from Kubernetes manifests.") { source, address };
        translation.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(source)!, OptionRules.ParseAddressAndPort(parsed.GetValue(address)!), translation.Read(parsed)));
        return command;
    }

    private static async Task<int> RunAsync(string folder, IPEndPoint address, TranslationOptions translation)
    {
        if (folder == "kubernetes")
        {
            return ExitStatus.Fail("--source kubernetes is not built yet; give a folder of manifests");
        }

        using var termination = new Termination();
        using var loggers = Logs.Create(TimeProvider.System);
        await using var server = new ControlPlaneServer(
            new ControlPlaneOptions { ManifestFolder = folder, XdsAddress = address, Translation = translation }, loggers);
        try
        {
            await server.StartAsync();
        }
        catch (IOException error)
        {
            return ExitStatus.Fail(error.Message);
        }

        await termination.Requested;
        return ExitStatus.Success;
    }
}

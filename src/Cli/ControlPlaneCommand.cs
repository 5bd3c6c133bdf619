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
        var certificate = new Option<string?>("--tls-cert") { Description = "certificate to serve xDS by TLS with, and its intermediates: a file in PEM, read again when it changes" };
        var key = new Option<string?>("--tls-key") { Description = "its private key: a file in PEM" };
        var authorities = new Option<string?>("--tls-client-ca") { Description = "authorities, one of which must vouch for each proxy's certificate: a file in PEM; proxies need none without it" };
        var translation = new TranslationFlags();
        var command = new Command("control-plane", "Serve xDS v3 from Kubernetes manifests.") { source, address, certificate, key, authorities };
        command.Validators.Add(result =>
        {
            var hasCertificate = result.GetValue(certificate) is not null;
            if (hasCertificate != result.GetValue(key) is not null)
            {
                result.AddError("--tls-cert and --tls-key belong together: give both or neither");
            }
            else if (!hasCertificate && result.GetValue(authorities) is not null)
            {
                result.AddError("--tls-client-ca asks proxies for certificates by TLS: give --tls-cert and --tls-key too");
            }
        });
        translation.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(
            parsed.GetValue(source)!,
            OptionRules.ParseAddressAndPort(parsed.GetValue(address)!),
            parsed.GetValue(certificate) is { } file ? new XdsTlsOptions(file, parsed.GetValue(key)!, parsed.GetValue(authorities)) : null,
            translation.Read(parsed)));
        return command;
    }

    private static async Task<int> RunAsync(string folder, IPEndPoint address, XdsTlsOptions? tls, TranslationOptions translation)
    {
        if (folder == "kubernetes")
        {
            return ExitStatus.Fail("--source kubernetes is not built yet; give a folder of manifests");
        }

        using var termination = new Termination();
        using var loggers = Logs.Create(TimeProvider.System);
        await using var server = new ControlPlaneServer(
            new ControlPlaneOptions { ManifestFolder = folder, XdsAddress = address, XdsTls = tls, Translation = translation }, loggers);
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

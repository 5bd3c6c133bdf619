using System.CommandLine;
using KubeProxyNet.ControlPlane.Serving;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Cli;

/// <summary><c>kpn validate</c>: every fault of a bootstrap or of manifests, with its place and its remedy.</summary>
internal static class ValidateCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("path") { Description = "an Envoy bootstrap, a manifest file, or a folder of manifests" };
        var command = new Command("validate", "Check a bootstrap or manifests without serving them.") { path };
        command.SetAction(parsed => Run(parsed.GetValue(path)!));
        return command;
    }

    private static int Run(string path)
    {
        if (!Directory.Exists(path) && !File.Exists(path))
        {
            return ExitStatus.Fail($"{path}: there is no such file or folder");
        }

        return Directory.Exists(path) || IsManifest(path) ? Manifests(path) : Bootstrap(path);
    }

    private static int Bootstrap(string path)
    {
        var loaded = BootstrapLoader.Load(path);
        string[] errors = loaded.Value is { } bootstrap
            ? [.. KubeProxyNet.Proxy.BootstrapCheck.Faults(bootstrap, loaded.Places)]
            : [.. loaded.Errors.Select(static error => error.ToString())];
        foreach (var error in errors)
        {
            Console.Error.WriteLine(error);
        }

        return Conclude(path, errors.Length);
    }

    private static int Manifests(string path)
    {
        var diagnostics = ManifestValidation.Validate(path);
        foreach (var diagnostic in diagnostics)
        {
            Console.Error.WriteLine(diagnostic);
        }

        return Conclude(path, diagnostics.Count(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
    }

    private static int Conclude(string path, int errors)
    {
        if (errors == 0)
        {
            Console.WriteLine($"{path}: ok");
            return ExitStatus.Success;
        }

        Console.Error.WriteLine($"{path}: {errors} {(errors == 1 ? "error" : "errors")}");
        return ExitStatus.WrongInput;
    }

    // Kubernetes objects name their kind at the top, Envoy bootstraps never do.
    private static bool IsManifest(string path)
    {
        var documents = ConfigDocument.Load(path);
        return documents.Documents.Count > 1
            || (documents.Documents.Count == 1 && documents.Documents[0].Root is ConfigMapping mapping
                && mapping.Members.Any(static member => member.Key is "kind" or "apiVersion"));
    }
}

using System.Reflection;

namespace KubeProxyNet.Cli.Quickstart;

/// <summary>The demo's manifests: those of the checkout where the program runs in one, else a copy of those that are part of the program.</summary>
internal static class DemoManifests
{
    private const string ResourcePrefix = "quickstart/";

    /// <summary>The folder to serve.</summary>
    public static string Find()
    {
        var checkout = Path.Combine("config", "quickstart");
        return Directory.Exists(checkout) ? checkout : Unpack();
    }

    private static string Unpack()
    {
        var folder = Directory.CreateTempSubdirectory("kpn-quickstart-").FullName;
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(static name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal)))
        {
            using var resource = assembly.GetManifestResourceStream(name)!;
            using var file = File.Create(Path.Combine(folder, name[ResourcePrefix.Length..]));
            resource.CopyTo(file);
        }

        return folder;
    }
}

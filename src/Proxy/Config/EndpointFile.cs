using Envoy.Config.Core.V3;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>A file that endpoints are discovered in. Identity is where it is and what is watched.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Folder">The folder whose changes say that it is to be read again.</param>
internal sealed record EndpointFile(string Path, string Folder)
{
    /// <summary>The file that a source names; null where it names none, or after a problem.</summary>
    public static EndpointFile? Of(ConfigSource? source, TranslationProblems problems, ConfigPath path) => source?.ConfigSourceSpecifierCase switch
    {
        ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource =>
            Of(source.PathConfigSource.Path, source.PathConfigSource.WatchedDirectory?.Path, problems, path.Field("path_config_source")),
        ConfigSource.ConfigSourceSpecifierOneofCase.Path => Of(source.Path, null, problems, path),
        _ => null,
    };

    private static EndpointFile? Of(string name, string? folder, TranslationProblems problems, ConfigPath path)
    {
        // As in Envoy: a name that is misspelt would be waited for in vain.
        if (!File.Exists(name))
        {
            problems.Add(path.Field("path"), $"\"{name}\" does not exist", "name a file that holds a discovery response with endpoint assignments");
            return null;
        }

        if (folder is not null && !Directory.Exists(folder))
        {
            problems.Add(path.Field("watched_directory").Field("path"), $"\"{folder}\" is no directory", "name one that exists");
            return null;
        }

        var file = System.IO.Path.GetFullPath(name);
        return new EndpointFile(file, folder is null ? System.IO.Path.GetDirectoryName(file)! : System.IO.Path.GetFullPath(folder));
    }
}

/// <summary>What endpoints are asked for by: the name, and the file that it is looked up in; null for the aggregated stream.</summary>
internal readonly record struct EndpointService(string Name, EndpointFile? File);

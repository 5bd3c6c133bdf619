using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>What a secret is.</summary>
internal enum SecretKind
{
    Certificate,
    Validation,
    TicketKeys,
}

/// <summary>Where a secret comes from.</summary>
/// <param name="Kind">The way.</param>
/// <param name="Path">The file; empty where it is none.</param>
/// <param name="Folder">The folder whose changes say that the file is to be read again; empty where it is none.</param>
/// <param name="Service">The service that delivers it; null where none of its own does.</param>
internal sealed record SecretSource(SecretSourceKind Kind, string Path = "", string Folder = "", SecretService? Service = null)
{
    public static SecretSource Bootstrap { get; } = new(SecretSourceKind.Bootstrap);

    public static SecretSource Ads { get; } = new(SecretSourceKind.Ads);

    public static SecretSource File(string path, string folder) => new(SecretSourceKind.File, path, folder);

    public static SecretSource Grpc(SecretService service) => new(SecretSourceKind.Grpc, Service: service);
}

/// <summary>The ways of a secret.</summary>
internal enum SecretSourceKind
{
    /// <summary>It stands in the bootstrap.</summary>
    Bootstrap,

    /// <summary>The control plane delivers it.</summary>
    Ads,

    /// <summary>A file holds it, in the form of a discovery response.</summary>
    File,

    /// <summary>A secret discovery service of its own delivers it.</summary>
    Grpc,
}

/// <summary>A secret by its name and where it comes from; that is its identity.</summary>
internal readonly record struct SecretKey(string Name, SecretSource Source);

/// <summary>A secret that a TLS context asks for.</summary>
/// <param name="Key">Its identity.</param>
/// <param name="Kind">What it has to be.</param>
/// <param name="Timeout">How long its first arrival is waited for; infinite for as long as it takes.</param>
internal sealed record SecretReference(SecretKey Key, SecretKind Kind, TimeSpan Timeout)
{
    /// <summary>The reference; null after a problem.</summary>
    public static SecretReference? Of(SdsSecretConfig message, SecretKind kind, TranslationProblems problems, ConfigPath path)
    {
        if (message.Name.Length == 0)
        {
            problems.Add(path.Field("name"), "the secret has no name", "write the name that it is fetched by");
            return null;
        }

        var place = path.Field("sds_config");
        return SourceOf(message.SdsConfig, problems, place) is { } source
            ? new SecretReference(new SecretKey(message.Name, source), kind, ResourceTimeouts.InitialFetch(message.SdsConfig))
            : null;
    }

    private static SecretSource? SourceOf(ConfigSource? message, TranslationProblems problems, ConfigPath path)
    {
        switch (message?.ConfigSourceSpecifierCase)
        {
            case null:
                return SecretSource.Bootstrap;
            case ConfigSource.ConfigSourceSpecifierOneofCase.Ads:
                return SecretSource.Ads;
            case ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource:
                return FileOf(message.PathConfigSource.Path, message.PathConfigSource.WatchedDirectory?.Path, problems, path.Field("path_config_source"));
            case ConfigSource.ConfigSourceSpecifierOneofCase.Path:
                return FileOf(message.Path, null, problems, path);
            case ConfigSource.ConfigSourceSpecifierOneofCase.ApiConfigSource:
                return SecretService.Of(message.ApiConfigSource, problems, path.Field("api_config_source")) is { } service ? SecretSource.Grpc(service) : null;
            default:
                problems.Add(path, "this source is not supported", "use \"ads: {}\", api_config_source or path_config_source");
                return null;
        }
    }

    private static SecretSource? FileOf(string name, string? folder, TranslationProblems problems, ConfigPath path)
    {
        if (!File.Exists(name))
        {
            problems.Add(path.Field("path"), $"\"{name}\" does not exist", "name a file that holds a discovery response with secrets");
            return null;
        }

        if (folder is not null && !Directory.Exists(folder))
        {
            problems.Add(path.Field("watched_directory").Field("path"), $"\"{folder}\" is no directory", "name one that exists");
            return null;
        }

        var file = System.IO.Path.GetFullPath(name);
        return SecretSource.File(file, folder is null ? System.IO.Path.GetDirectoryName(file)! : System.IO.Path.GetFullPath(folder));
    }
}

using Envoy.Service.Discovery.V3;
using KubeProxyNet.Xds.Loading;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Resources of one type in a file, a discovery response in YAML or JSON, read again when it is replaced or written
/// (<c>path_config_source</c>; Envoy documentation, "Dynamic configuration (filesystem)"). A file that cannot be used changes nothing.
/// </summary>
internal sealed partial class ResourceFile : IDisposable
{
    private readonly string _path;
    private readonly string _typeUrl;
    private readonly AdsClientSession _session;
    private readonly DiscoveryApplication _application;
    private readonly ILogger _logger;
    private readonly FileSystemWatcher _watcher;
    private readonly Lock _gate = new();

    /// <summary>Follows a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="folder">The folder whose changes say that the file is to be read again (<c>watched_directory</c>); null for those of the file itself.</param>
    /// <param name="typeUrl">What it holds.</param>
    /// <param name="application">Takes what it holds.</param>
    /// <param name="logger">For what cannot be used.</param>
    public ResourceFile(string path, string? folder, string typeUrl, DiscoveryApplication application, ILogger logger)
    {
        _path = Path.GetFullPath(path);
        _typeUrl = typeUrl;
        _application = application;
        _logger = logger;

        // The session checks responses and tells what is gone, whichever way they come; its requests go nowhere.
        _session = new AdsClientSession(new Envoy.Config.Core.V3.Node());
        _session.SubscribeToAll(typeUrl);
        _session.BeginStream();
        _watcher = folder is null ? new FileSystemWatcher(Path.GetDirectoryName(_path)!, Path.GetFileName(_path)) : new FileSystemWatcher(Path.GetFullPath(folder));
        _watcher.Changed += OnChange;
        _watcher.Created += OnChange;
        _watcher.Renamed += OnChange;
    }

    /// <summary>Reads the file and begins to watch it.</summary>
    public void Start()
    {
        _watcher.EnableRaisingEvents = true;
        Read();
    }

    public void Dispose() => _watcher.Dispose();

    private void OnChange(object sender, FileSystemEventArgs e) => Read();

    private void Read()
    {
        lock (_gate)
        {
            var loaded = ConfigLoader.Load<DiscoveryResponse>(_path);
            if (loaded.Value is not { } response)
            {
                LogUnusable(_logger, _path, string.Join(" | ", loaded.Errors));
                return;
            }

            response.TypeUrl = response.TypeUrl.Length == 0 ? _typeUrl : response.TypeUrl;
            if (_session.Receive(response) is { } update)
            {
                _session.Complete(update, _application.Apply(update, ResourceOrigin.File));
            }
            else
            {
                LogUnusable(_logger, _path, $"it holds {response.TypeUrl}, expected {_typeUrl}");
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} cannot be used, what was read before stays in force: {Reason}")]
    private static partial void LogUnusable(ILogger logger, string path, string reason);
}

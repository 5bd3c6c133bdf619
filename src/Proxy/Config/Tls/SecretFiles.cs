using Envoy.Service.Discovery.V3;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Loading;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;
using SecretMessage = Envoy.Extensions.TransportSockets.Tls.V3.Secret;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>What is to be watched for secrets.</summary>
/// <param name="Files">Files that hold secrets, each with the names that are asked of it.</param>
/// <param name="Folders">Folders with files that secrets name.</param>
internal sealed record WatchedSecrets(IReadOnlyDictionary<SecretSource, IReadOnlyList<string>> Files, IReadOnlyList<string> Folders);

/// <summary>
/// Follows the files of secrets: those that hold them (<c>path_config_source</c>) and those that they name. A folder is watched as a whole, so that links
/// that are moved over others are seen, as a kubelet renews mounted secrets. A file that cannot be used changes nothing.
/// For any thread.
/// </summary>
internal sealed partial class SecretFiles : IDisposable
{
    // A certificate and its key are seldom written at the same instant.
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private readonly ConfigurationState _state;
    private readonly ILogger _logger;
    private readonly FolderWatches _watches;
    private readonly SerialWork _reading;
    private readonly HashSet<SecretKey> _asked = [];
    private readonly HashSet<SecretSource> _unread = [];
    private readonly HashSet<string> _unreadFolders = new(StringComparer.Ordinal);
    private bool _isDisposed;

    public SecretFiles(ConfigurationState state, TimeProvider time, ILogger logger)
    {
        _state = state;
        _logger = logger;
        _watches = new FolderWatches(time, Settling, OnChange, (folder, reason) => LogNotWatched(logger, folder, reason));
        _reading = new SerialWork(_gate, TakeUnread);
    }

    /// <summary>
    /// Watches what is to be watched now, and reads files that are new or asked for other secrets. The files in a folder that was not watched may have changed
    /// since they were read, so they are read again.
    /// </summary>
    public void Follow()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            var wanted = _state.WatchedSecrets;
            var folders = wanted.Files.Keys.Select(static file => file.Folder).Concat(wanted.Folders).ToHashSet(StringComparer.Ordinal);
            _unreadFolders.UnionWith(_watches.Follow(folders).Where(_watches.Contains));

            var asked = wanted.Files.SelectMany(static file => file.Value.Select(name => new SecretKey(name, file.Key))).ToHashSet();
            _asked.IntersectWith(asked);
            _unread.UnionWith(asked.Where(_asked.Add).Select(static key => key.Source));
        }

        _reading.Run();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _watches.Dispose();
        }
    }

    private void OnChange(string folder)
    {
        var files = _state.WatchedSecrets.Files.Keys.Where(file => file.Folder == folder).ToArray();
        lock (_gate)
        {
            _unread.UnionWith(files);
            _unreadFolders.Add(folder);
        }

        _reading.Run();
    }

    private Action? TakeUnread()
    {
        // Before it is read: what changes from now on is to be read again.
        if (!_isDisposed && _unread.FirstOrDefault() is { } file)
        {
            _unread.Remove(file);
            return () => Read(file);
        }

        if (!_isDisposed && _unreadFolders.FirstOrDefault() is { } folder)
        {
            _unreadFolders.Remove(folder);
            return () => Tell(_state.RereadSecrets(folder), folder);
        }

        return null;
    }

    private void Read(SecretSource file)
    {
        if (!_state.WatchedSecrets.Files.TryGetValue(file, out var names))
        {
            return;
        }

        var loaded = ConfigLoader.Load<DiscoveryResponse>(file.Path);
        if (loaded.Value is not { } response)
        {
            var reason = string.Join(" | ", loaded.Errors);
            LogUnusable(_logger, file.Path, reason);
            _state.NoteRefusedSecrets(names.Select(name => (name, reason)), "", file);
            return;
        }

        response.TypeUrl = response.TypeUrl.Length == 0 ? XdsTypeUrls.Secret : response.TypeUrl;

        // The session checks responses, whichever way they come; its requests go nowhere.
        var session = new AdsClientSession(new Envoy.Config.Core.V3.Node());
        session.Subscribe(XdsTypeUrls.Secret, names);
        session.BeginStream();
        if (session.Receive(response) is not { } update)
        {
            LogUnusable(_logger, file.Path, $"it holds {response.TypeUrl}, expected {XdsTypeUrls.Secret}");
            return;
        }

        foreach (var rejection in update.Rejections)
        {
            LogRefused(_logger, rejection.Name, file.Path, rejection.Reason);
        }

        _state.NoteRefusedSecrets(update.Rejections.Select(static rejection => (rejection.Name, rejection.Reason)), update.Version, file);

        Tell(_state.SetSecrets([.. update.Resources.Select(static resource => resource.Message).OfType<SecretMessage>()], update.Version, ResourceOrigin.File, file), file.Path);
    }

    private void Tell(ApplyOutcome outcome, string place)
    {
        foreach (var rejection in outcome.Rejections)
        {
            LogRefused(_logger, rejection.Name, place, rejection.Reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} cannot be used, what was read before stays in force: {Reason}")]
    private static partial void LogUnusable(ILogger logger, string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Secret} as found in {Place} is refused, its last good version stays: {Reason}")]
    private static partial void LogRefused(ILogger logger, string secret, string place, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} cannot be watched, so changes of secrets there are not seen: {Reason}")]
    private static partial void LogNotWatched(ILogger logger, string folder, string reason);
}

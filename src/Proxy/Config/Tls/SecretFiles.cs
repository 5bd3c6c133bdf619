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
internal sealed partial class SecretFiles(ConfigurationState state, TimeProvider time, ILogger logger) : IDisposable
{
    // A certificate and its key are seldom written at the same instant.
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, FolderWatch> _watches = new(StringComparer.Ordinal);
    private readonly HashSet<SecretKey> _asked = [];

    // What is to be read, and whether somebody is at it. One thread reads for all, one after the other, so that what was read last is applied last; and it
    // holds no lock, as what is applied calls whoever wants to know of it, and may ask for more to be read.
    private readonly HashSet<SecretSource> _unread = [];
    private readonly HashSet<string> _unreadFolders = new(StringComparer.Ordinal);
    private bool _isReading;
    private bool _isDisposed;

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

            var wanted = state.WatchedSecrets;
            var folders = wanted.Files.Keys.Select(static file => file.Folder).Concat(wanted.Folders).ToHashSet(StringComparer.Ordinal);
            foreach (var gone in _watches.Keys.Where(folder => !folders.Contains(folder)).ToArray())
            {
                _watches.Remove(gone, out var watch);
                watch!.Dispose();
            }

            _unreadFolders.UnionWith(folders.Where(folder => !_watches.ContainsKey(folder)).Where(TryAdd));

            var asked = wanted.Files.SelectMany(static file => file.Value.Select(name => new SecretKey(name, file.Key))).ToHashSet();
            _asked.IntersectWith(asked);
            _unread.UnionWith(asked.Where(_asked.Add).Select(static key => key.Source));
        }

        ReadAll();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            foreach (var watch in _watches.Values)
            {
                watch.Dispose();
            }

            _watches.Clear();
        }
    }

    private bool TryAdd(string folder)
    {
        try
        {
            _watches[folder] = new FolderWatch(folder, time, Settling, OnChange);
            return true;
        }
        catch (Exception error) when (error is IOException or ArgumentException)
        {
            LogNotWatched(logger, folder, error.Message);
            return false;
        }
    }

    private void OnChange(string folder)
    {
        var files = state.WatchedSecrets.Files.Keys.Where(file => file.Folder == folder).ToArray();
        lock (_gate)
        {
            _unread.UnionWith(files);
            _unreadFolders.Add(folder);
        }

        ReadAll();
    }

    /// <summary>Reads what is to be read, unless some thread is at it, which goes on with this then.</summary>
    private void ReadAll()
    {
        var isMine = false;
        try
        {
            while (true)
            {
                SecretSource? file;
                string? folder;
                lock (_gate)
                {
                    if (_isReading && !isMine)
                    {
                        return;
                    }

                    file = _unread.FirstOrDefault();
                    folder = file is null ? _unreadFolders.FirstOrDefault() : null;
                    _isReading = isMine = !_isDisposed && (file is not null || folder is not null);
                    if (!isMine)
                    {
                        return;
                    }

                    // Before it is read: what changes from now on is to be read again.
                    _ = file is not null ? _unread.Remove(file) : _unreadFolders.Remove(folder!);
                }

                if (file is not null)
                {
                    Read(file);
                }
                else
                {
                    Tell(state.RereadSecrets(folder!), folder!);
                }
            }
        }
        finally
        {
            if (isMine)
            {
                lock (_gate)
                {
                    _isReading = false;
                }
            }
        }
    }

    private void Read(SecretSource file)
    {
        if (!state.WatchedSecrets.Files.TryGetValue(file, out var names))
        {
            return;
        }

        var loaded = ConfigLoader.Load<DiscoveryResponse>(file.Path);
        if (loaded.Value is not { } response)
        {
            LogUnusable(logger, file.Path, string.Join(" | ", loaded.Errors));
            return;
        }

        response.TypeUrl = response.TypeUrl.Length == 0 ? XdsTypeUrls.Secret : response.TypeUrl;

        // The session checks responses, whichever way they come; its requests go nowhere.
        var session = new AdsClientSession(new Envoy.Config.Core.V3.Node());
        session.Subscribe(XdsTypeUrls.Secret, names);
        session.BeginStream();
        if (session.Receive(response) is not { } update)
        {
            LogUnusable(logger, file.Path, $"it holds {response.TypeUrl}, expected {XdsTypeUrls.Secret}");
            return;
        }

        foreach (var rejection in update.Rejections)
        {
            LogRefused(logger, rejection.Name, file.Path, rejection.Reason);
        }

        Tell(state.SetSecrets([.. update.Resources.Select(static resource => resource.Message).OfType<SecretMessage>()], update.Version, ResourceOrigin.File, file), file.Path);
    }

    private void Tell(ApplyOutcome outcome, string place)
    {
        foreach (var rejection in outcome.Rejections)
        {
            LogRefused(logger, rejection.Name, place, rejection.Reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} cannot be used, what was read before stays in force: {Reason}")]
    private static partial void LogUnusable(ILogger logger, string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Secret} as found in {Place} is refused, its last good version stays: {Reason}")]
    private static partial void LogRefused(ILogger logger, string secret, string place, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} cannot be watched, so changes of secrets there are not seen: {Reason}")]
    private static partial void LogNotWatched(ILogger logger, string folder, string reason);
}

using System.Security.Cryptography;
using Envoy.Config.Endpoint.V3;
using Envoy.Service.Discovery.V3;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Loading;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Follows the files that clusters discover their endpoints in: each a discovery response in YAML or JSON with the assignments of one cluster or several. A file,
/// or an assignment, that cannot be used changes nothing. For any thread.
/// </summary>
internal sealed partial class EndpointFiles : IDisposable
{
    // Of many files that are replaced one after the other, most are then read together; and what is written in place is not read when it is half there.
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private readonly ConfigurationState _state;
    private readonly EndpointFileStats _stats;
    private readonly ILogger _logger;
    private readonly FolderWatches _watches;
    private readonly SerialWork _reading;
    private readonly HashSet<EndpointService> _asked = [];

    // What is to be read, and whether a cluster waits for it.
    private readonly Dictionary<EndpointFile, bool> _unread = [];

    // A hash of what was read last, so that what lies beside a file that changed is not applied again.
    private readonly Dictionary<EndpointFile, byte[]> _read = [];

    // What is asked of each file, as of the last time that was looked at: to read one of ten thousand must not cost a look at all.
    private ILookup<EndpointFile, string> _names = Array.Empty<EndpointService>().ToLookup(static service => service.File!, static service => service.Name);
    private bool _isDisposed;

    public EndpointFiles(ConfigurationState state, EndpointFileStats stats, TimeProvider time, ILogger logger)
    {
        _state = state;
        _stats = stats;
        _logger = logger;
        _watches = new FolderWatches(time, Settling, OnChange, (folder, reason) => LogNotWatched(logger, folder, reason));
        _reading = new SerialWork(_gate, TakeUnread);
    }

    /// <summary>Watches what is to be watched now, and reads files that are new or asked for other assignments.</summary>
    public void Follow()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            var wanted = _state.EndpointFileServices;
            var folders = wanted.Select(static service => service.File!.Folder).ToHashSet(StringComparer.Ordinal);
            _names = wanted.ToLookup(static service => service.File!, static service => service.Name);
            foreach (var folder in _watches.Follow(folders))
            {
                // What could not be watched before may have changed since it was read.
                ReadAgain(folder);
            }

            _asked.IntersectWith(wanted);
            foreach (var gone in _read.Keys.Except(wanted.Select(static service => service.File!)).ToArray())
            {
                _read.Remove(gone);
            }

            foreach (var service in wanted.Where(_asked.Add))
            {
                _unread[service.File!] = true;
            }
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
        lock (_gate)
        {
            ReadAgain(folder);
        }

        _reading.Run();
    }

    private void ReadAgain(string folder)
    {
        foreach (var service in _asked.Where(service => service.File!.Folder == folder))
        {
            _unread.TryAdd(service.File!, false);
        }
    }

    private Action? TakeUnread()
    {
        if (_isDisposed || _unread.Count == 0)
        {
            return null;
        }

        // Before it is read: what changes from now on is to be read again.
        var (file, isAsked) = _unread.First();
        _unread.Remove(file);
        string[] names = [.. _names[file]];
        return () => Read(file, names, isAsked);
    }

    /// <summary>Reads a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="names">What is asked of it.</param>
    /// <param name="isAsked">True where a cluster waits for what is in it; false where it may have changed.</param>
    private void Read(EndpointFile file, string[] names, bool isAsked)
    {
        if (names.Length == 0)
        {
            return;
        }

        byte[] text;
        try
        {
            using var stream = File.OpenRead(file.Path);
            text = new byte[Math.Min(stream.Length, ConfigLimits.Default.MaxBytes + 1)];
            stream.ReadExactly(text);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Count(file, names, EndpointFileResult.Failure);
            LogUnusable(_logger, file.Path, error.Message);
            return;
        }

        if (!IsNews(file, SHA256.HashData(text)) && !isAsked)
        {
            return;
        }

        var loaded = ConfigLoader.Parse<DiscoveryResponse>(file.Path, text);
        if (loaded.Value is not { } response)
        {
            Count(file, names, EndpointFileResult.Failure);
            LogUnusable(_logger, file.Path, string.Join(" | ", loaded.Errors));
            return;
        }

        Apply(file, names, response);
    }

    private bool IsNews(EndpointFile file, byte[] hash)
    {
        lock (_gate)
        {
            var isNews = !_read.TryGetValue(file, out var before) || !before.AsSpan().SequenceEqual(hash);
            _read[file] = hash;
            return isNews;
        }
    }

    private void Apply(EndpointFile file, string[] names, DiscoveryResponse response)
    {
        response.TypeUrl = response.TypeUrl.Length == 0 ? XdsTypeUrls.ClusterLoadAssignment : response.TypeUrl;

        // The session checks responses, whichever way they come; its requests go nowhere.
        var session = new AdsClientSession(new Envoy.Config.Core.V3.Node());
        session.Subscribe(XdsTypeUrls.ClusterLoadAssignment, names);
        session.BeginStream();
        if (session.Receive(response) is not { } update)
        {
            Count(file, names, EndpointFileResult.Rejected);
            LogUnusable(_logger, file.Path, $"it holds {response.TypeUrl}, expected {XdsTypeUrls.ClusterLoadAssignment}");
            return;
        }

        if (response.Resources.Count == 0)
        {
            // As in Envoy: it says nothing of anybody's endpoints.
            Count(file, names, EndpointFileResult.Empty);
            return;
        }

        var outcome = _state.SetAssignments([.. update.Resources.Select(static resource => resource.Message).OfType<ClusterLoadAssignment>()], update.Version, ResourceOrigin.File, file);
        var reasons = update.Rejections.Select(static rejection => (rejection.Name, rejection.Reason))
            .Concat(outcome.Rejections.Select(static rejection => (rejection.Name, rejection.Reason))).ToLookup(static rejection => rejection.Name, static rejection => rejection.Reason, StringComparer.Ordinal);
        foreach (var (name, reason) in reasons.SelectMany(static refused => refused.Select(reason => (refused.Key, reason))))
        {
            LogRefused(_logger, name, file.Path, reason);
        }

        foreach (var name in names)
        {
            var isThere = update.Resources.Any(resource => resource.Name == name);
            Count(file, [name], isThere && !reasons.Contains(name) ? EndpointFileResult.Success : EndpointFileResult.Rejected);
            if (!isThere && reasons.Count == 0)
            {
                LogMissing(_logger, name, file.Path);
            }
        }
    }

    private void Count(EndpointFile file, string[] names, EndpointFileResult result)
    {
        foreach (var cluster in names.SelectMany(name => _state.StatNamesOf(new EndpointService(name, file))))
        {
            _stats.Count(cluster, result);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} cannot be used, what was read before stays in force: {Reason}")]
    private static partial void LogUnusable(ILogger logger, string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the endpoints of \"{Service}\" as found in {Path} are refused, those that were read before stay: {Reason}")]
    private static partial void LogRefused(ILogger logger, string service, string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "there is no assignment with the cluster_name \"{Service}\" in {Path}; what was read before stays in force")]
    private static partial void LogMissing(ILogger logger, string service, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} cannot be watched, so changes of endpoints there are not seen: {Reason}")]
    private static partial void LogNotWatched(ILogger logger, string folder, string reason);
}

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
internal sealed partial class EndpointFiles(ConfigurationState state, EndpointFileStats stats, TimeProvider time, ILogger logger) : IDisposable
{
    // Of many files that are replaced one after the other, most are then read together; and what is written in place is not read when it is half there.
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, FolderWatch> _watches = new(StringComparer.Ordinal);
    private readonly HashSet<EndpointService> _asked = [];

    // What is to be read, and whether somebody is at it. One thread reads for all, one after the other, so that what was read last is applied last; and it
    // holds no lock, as what is applied may ask for more to be read.
    private readonly Dictionary<EndpointFile, bool> _unread = [];

    // A hash of what was read last, so that what lies beside a file that changed is not applied again.
    private readonly Dictionary<EndpointFile, byte[]> _read = [];
    private bool _isReading;
    private bool _isDisposed;

    /// <summary>Watches what is to be watched now, and reads files that are new or asked for other assignments.</summary>
    public void Follow()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            var wanted = state.EndpointFileServices;
            var folders = wanted.Select(static service => service.File!.Folder).ToHashSet(StringComparer.Ordinal);
            foreach (var gone in _watches.Keys.Where(folder => !folders.Contains(folder)).ToArray())
            {
                _watches.Remove(gone, out var watch);
                watch!.Dispose();
            }

            foreach (var folder in folders.Where(folder => !_watches.ContainsKey(folder)))
            {
                // What could not be watched before may have changed since it was read.
                Watch(folder);
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

    private void Watch(string folder)
    {
        try
        {
            _watches[folder] = new FolderWatch(folder, time, Settling, OnChange);
        }
        catch (Exception error) when (error is IOException or ArgumentException)
        {
            LogNotWatched(logger, folder, error.Message);
        }
    }

    private void OnChange(string folder)
    {
        lock (_gate)
        {
            ReadAgain(folder);
        }

        ReadAll();
    }

    private void ReadAgain(string folder)
    {
        foreach (var service in _asked.Where(service => service.File!.Folder == folder))
        {
            _unread.TryAdd(service.File!, false);
        }
    }

    /// <summary>Reads what is to be read, unless some thread is at it, which goes on with this then.</summary>
    private void ReadAll()
    {
        var isMine = false;
        try
        {
            while (true)
            {
                EndpointFile? file;
                bool isAsked;
                lock (_gate)
                {
                    if (_isReading && !isMine)
                    {
                        return;
                    }

                    (file, isAsked) = _isDisposed ? default : _unread.FirstOrDefault();
                    _isReading = isMine = file is not null;
                    if (file is null)
                    {
                        return;
                    }

                    // Before it is read: what changes from now on is to be read again.
                    _unread.Remove(file);
                }

                Read(file, isAsked);
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

    /// <summary>Reads a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="isAsked">True where a cluster waits for what is in it; false where it may have changed.</param>
    private void Read(EndpointFile file, bool isAsked)
    {
        string[] names = [.. state.EndpointFileServices.Where(service => service.File == file).Select(static service => service.Name)];
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
            LogUnusable(logger, file.Path, error.Message);
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
            LogUnusable(logger, file.Path, string.Join(" | ", loaded.Errors));
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
            LogUnusable(logger, file.Path, $"it holds {response.TypeUrl}, expected {XdsTypeUrls.ClusterLoadAssignment}");
            return;
        }

        if (response.Resources.Count == 0)
        {
            // As in Envoy: it says nothing of anybody's endpoints.
            Count(file, names, EndpointFileResult.Empty);
            return;
        }

        var outcome = state.SetAssignments([.. update.Resources.Select(static resource => resource.Message).OfType<ClusterLoadAssignment>()], update.Version, ResourceOrigin.File, file);
        var reasons = update.Rejections.Select(static rejection => (rejection.Name, rejection.Reason))
            .Concat(outcome.Rejections.Select(static rejection => (rejection.Name, rejection.Reason))).ToLookup(static rejection => rejection.Name, static rejection => rejection.Reason, StringComparer.Ordinal);
        foreach (var (name, reason) in reasons.SelectMany(static refused => refused.Select(reason => (refused.Key, reason))))
        {
            LogRefused(logger, name, file.Path, reason);
        }

        foreach (var name in names)
        {
            var isThere = update.Resources.Any(resource => resource.Name == name);
            Count(file, [name], isThere && !reasons.Contains(name) ? EndpointFileResult.Success : EndpointFileResult.Rejected);
            if (!isThere && reasons.Count == 0)
            {
                LogMissing(logger, name, file.Path);
            }
        }
    }

    private void Count(EndpointFile file, string[] names, EndpointFileResult result)
    {
        foreach (var cluster in names.SelectMany(name => state.StatNamesOf(new EndpointService(name, file))))
        {
            stats.Count(cluster, result);
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

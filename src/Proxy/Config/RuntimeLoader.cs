using System.Collections.Frozen;
using System.Collections.Immutable;
using Envoy.Config.Bootstrap.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Xds.Validation;
using Microsoft.Extensions.Logging;
using RuntimeLayer = KubeProxyNet.Proxy.RuntimeLayers.RuntimeLayer;
using RuntimeLayerMessage = Envoy.Config.Bootstrap.V3.RuntimeLayer;
using RuntimeMessage = Envoy.Service.Runtime.V3.Runtime;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// The layers of the runtime: those of the bootstrap, of files, of the admin page and of discovery. Each change puts all of them into force anew. A bootstrap
/// that has none gets one for the admin page, as in Envoy. Thread-safe.
/// </summary>
internal sealed partial class RuntimeLoader : IDisposable
{
    /// <summary>Most values that the admin page keeps.</summary>
    public const int MaxOverrides = 1_000;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly LayeredRuntime _layers;
    private readonly string _serviceCluster;
    private readonly Action<RuntimeValues> _publish;
    private readonly ILogger _logger;
    private readonly RuntimeLayer[] _current;
    private readonly string?[] _folders;
    private readonly Dictionary<string, RuntimeValue> _overrides = new(StringComparer.Ordinal);
    private readonly RuntimeStats _stats;
    private readonly ITimer? _timer;

    public RuntimeLoader(LayeredRuntime? layers, string serviceCluster, Action<RuntimeValues> publish, StatRegistry registry, TimeProvider time, ILogger logger)
    {
        _layers = layers is { Layers.Count: > 0 } ? layers : new LayeredRuntime { Layers = { new RuntimeLayerMessage { AdminLayer = new() } } };
        _serviceCluster = serviceCluster;
        _publish = publish;
        _logger = logger;
        _stats = new RuntimeStats(registry);
        _current = [.. _layers.Layers.Select(static layer => layer.StaticLayer is { } values ? RuntimeStruct.ToLayer(layer.Name, values) : RuntimeLayer.Empty(layer.Name))];
        _folders = new string?[_current.Length];
        lock (_gate)
        {
            LookAtFolders();
            Publish();
        }

        if (_layers.Layers.Any(static layer => layer.DiskLayer is not null))
        {
            _timer = time.CreateTimer(_ => OnTimer(), null, LookInterval, LookInterval);
        }
    }

    /// <summary>The layers to ask of discovery.</summary>
    public ImmutableArray<string> Discovered => [.. _layers.Layers.Where(static layer => layer.RtdsLayer is not null).Select(static layer => layer.RtdsLayer.Name)];

    /// <summary>What is wrong with the layers of a bootstrap.</summary>
    public static void Check(Bootstrap bootstrap, TranslationProblems problems, ConfigPath path)
    {
        var layers = bootstrap.LayeredRuntime;
        var names = new HashSet<string>(StringComparer.Ordinal);
        var adminLayers = 0;
        for (var i = 0; i < layers?.Layers.Count; i++)
        {
            var layer = layers.Layers[i];
            var at = path.Field("layers").Index(i);
            if (!names.Add(layer.Name))
            {
                problems.Add(at.Field("name"), $"a layer \"{layer.Name}\" exists already", "give each layer its own name");
            }

            if (layer.AdminLayer is not null && ++adminLayers > 1)
            {
                problems.Add(at.Field("admin_layer"), "there is an admin layer already", "keep one of them");
            }

            if (layer.RtdsLayer is { } discovered && discovered.RtdsConfig?.Ads is null)
            {
                problems.Add(at.Field("rtds_layer").Field("rtds_config"), "layers are discovered over ADS only", "write \"ads: {}\"");
            }
            else if (layer.RtdsLayer is not null && bootstrap.DynamicResources?.AdsConfig is null)
            {
                problems.Add(at.Field("rtds_layer"), "there is no control plane to ask", "add dynamic_resources.ads_config");
            }
        }
    }

    /// <summary>Sets and, where a value is empty, takes back values of the admin layer. Returns what keeps it from being done; null where it is done.</summary>
    public string? Modify(IReadOnlyCollection<KeyValuePair<string, string>> changes)
    {
        lock (_gate)
        {
            var index = _layers.Layers.ToList().FindIndex(static layer => layer.AdminLayer is not null);
            if (index < 0)
            {
                return "the runtime has no admin layer; add one to layered_runtime";
            }

            if (_overrides.Keys.Union(changes.Select(static change => change.Key), StringComparer.Ordinal).Count() > MaxOverrides)
            {
                return $"that would be more than {MaxOverrides} values; take some back by giving them no value";
            }

            foreach (var (key, value) in changes)
            {
                if (value.Length == 0)
                {
                    _overrides.Remove(key);
                }
                else
                {
                    _overrides[key] = RuntimeValue.OfText(value);
                }
            }

            _current[index] = _current[index] with { Values = _overrides.ToFrozenDictionary(StringComparer.Ordinal) };
            Publish();
            return null;
        }
    }

    /// <summary>Takes layers that discovery delivers; those not among them stay as they are.</summary>
    public ApplyOutcome Set(IReadOnlyList<RuntimeMessage> resources)
    {
        lock (_gate)
        {
            foreach (var resource in resources)
            {
                for (var i = 0; i < _current.Length; i++)
                {
                    if (_layers.Layers[i].RtdsLayer?.Name == resource.Name)
                    {
                        _current[i] = RuntimeStruct.ToLayer(_layers.Layers[i].Name, resource.Layer ?? new Struct());
                    }
                }
            }

            Publish();
            return new ApplyOutcome();
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void OnTimer()
    {
        lock (_gate)
        {
            if (LookAtFolders())
            {
                Publish();
            }
        }
    }

    /// <summary>Reads the folders whose link leads elsewhere than before. True where one did.</summary>
    private bool LookAtFolders()
    {
        var hasChanged = false;
        for (var i = 0; i < _current.Length; i++)
        {
            if (_layers.Layers[i].DiskLayer is not { } disk || TargetOf(disk) is not { } folder || folder == _folders[i])
            {
                continue;
            }

            _folders[i] = folder;
            try
            {
                _current[i] = Directory.Exists(folder) ? RuntimeFolder.Read(_layers.Layers[i].Name, folder) : RuntimeLayer.Empty(_layers.Layers[i].Name);
                hasChanged = true;
                _stats.Count(Directory.Exists(folder) ? _stats.FolderExists : _stats.FolderDoesNotExist);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                _stats.Count(_stats.LoadError);
                LogUnreadable(_logger, folder, error.Message);
            }
        }

        return hasChanged;
    }

    /// <summary>Where the values are now: the link's end, for that is what changes.</summary>
    private string? TargetOf(RuntimeLayerMessage.Types.DiskLayer disk)
    {
        try
        {
            var root = new DirectoryInfo(disk.SymlinkRoot);
            var target = (root.LinkTarget is null ? root : root.ResolveLinkTarget(returnFinalTarget: true) ?? root).FullName;
            return Path.Combine(target, disk.Subdirectory, disk.AppendServiceCluster ? _serviceCluster : "");
        }
        catch (IOException error)
        {
            LogUnreadable(_logger, disk.SymlinkRoot, error.Message);
            return null;
        }
    }

    private void Publish()
    {
        var values = new RuntimeValues([.. _current]);
        _stats.Count(_stats.LoadSuccess);
        _stats.Show(values.Final.Count, _current.Length, _overrides.Count > 0);
        _publish(values);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the runtime below {Folder} cannot be read, what was read before stays in force: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string folder, string reason);
}

using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Counts what is read of the runtime under Envoy's names (Envoy documentation, "Runtime", "Statistics").</summary>
internal sealed class RuntimeStats(StatRegistry registry)
{
    private readonly Gauge _keys = registry.Gauge("runtime.num_keys");
    private readonly Gauge _layers = registry.Gauge("runtime.num_layers");
    private readonly Gauge _adminOverrides = registry.Gauge("runtime.admin_overrides_active");

    public Counter LoadSuccess { get; } = registry.Counter("runtime.load_success");

    public Counter LoadError { get; } = registry.Counter("runtime.load_error");

    public Counter FolderExists { get; } = registry.Counter("runtime.override_dir_exists");

    public Counter FolderDoesNotExist { get; } = registry.Counter("runtime.override_dir_not_exists");

    public void Count(Counter counter) => registry.Shared.Increment(counter);

    /// <summary>Shows what is in force.</summary>
    public void Show(int keys, int layers, bool hasAdminOverrides)
    {
        registry.Shared.Set(_keys, keys);
        registry.Shared.Set(_layers, layers);
        registry.Shared.Set(_adminOverrides, hasAdminOverrides ? 1 : 0);
    }
}

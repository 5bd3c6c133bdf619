using Envoy.Extensions.Network.DnsResolver.Cares.V3;
using KubeProxyNet.Proxy.Dns;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// The resolvers of a process: clusters that ask in the same way share one, with its cache and its queries. One goes when its last cluster does.
/// Thread-safe.
/// </summary>
/// <param name="ofBootstrap">How those ask that do not say.</param>
/// <param name="system">What this machine knows of names.</param>
/// <param name="time">Clock.</param>
/// <param name="lifetime">Ends what is under way.</param>
internal sealed class DnsResolvers(CaresDnsResolverConfig ofBootstrap, SystemNames system, TimeProvider time, CancellationToken lifetime)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<CaresDnsResolverConfig, WeakReference<DnsResolver>> _resolvers = [];

    /// <summary>The resolver that asks in a way; null for that of the bootstrap.</summary>
    public DnsResolver Of(CaresDnsResolverConfig? config)
    {
        config ??= ofBootstrap;
        lock (_gate)
        {
            if (_resolvers.TryGetValue(config, out var known) && known.TryGetTarget(out var resolver))
            {
                return resolver;
            }

            foreach (var (gone, _) in _resolvers.Where(static entry => !entry.Value.TryGetTarget(out _)).ToArray())
            {
                _resolvers.Remove(gone);
            }

            resolver = new DnsResolver(DnsResolverTranslator.OptionsOf(config), system, time, lifetime);
            _resolvers[config] = new WeakReference<DnsResolver>(resolver);
            return resolver;
        }
    }
}

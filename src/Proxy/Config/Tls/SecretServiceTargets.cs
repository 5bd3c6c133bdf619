using System.Collections.Concurrent;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Says where secret discovery services are: as in Envoy, their clusters stand in the bootstrap. For any thread.</summary>
internal sealed class SecretServiceTargets(Bootstrap bootstrap, TimeProvider time)
{
    // As many as the configuration ever named of the bootstrap's clusters and of addresses.
    private readonly ConcurrentDictionary<SecretService, DiscoveryTarget> _known = [];

    /// <summary>Why a service cannot be used; null where it can, which it can from then on.</summary>
    public ConfigProblem? FaultOf(SecretService service)
    {
        var problems = new TranslationProblems();
        return Find(service, problems) is null ? problems.Found[0] : null;
    }

    /// <summary>Where a service is; null where <see cref="FaultOf"/> says why not.</summary>
    public DiscoveryTarget? Find(SecretService service) => Find(service, new TranslationProblems());

    private DiscoveryTarget? Find(SecretService service, TranslationProblems problems)
    {
        if (_known.TryGetValue(service, out var known))
        {
            return known;
        }

        var target = DiscoveryTarget.Of(bootstrap, service.ToMessage(), problems, ConfigPath.Root, time);
        return target is null || problems.Found.Count > 0 ? null : _known.GetOrAdd(service, target);
    }
}

using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>Why redirects of upstreams were passed on instead of being followed (Envoy documentation, "Router: statistics").</summary>
internal sealed class RedirectStats(StatRegistry registry, string prefix)
{
    public Counter BadLocation { get; } = registry.Counter(prefix + "passthrough_internal_redirect_bad_location");

    public Counter UnsafeScheme { get; } = registry.Counter(prefix + "passthrough_internal_redirect_unsafe_scheme");

    public Counter TooManyRedirects { get; } = registry.Counter(prefix + "passthrough_internal_redirect_too_many_redirects");

    public Counter NoRoute { get; } = registry.Counter(prefix + "passthrough_internal_redirect_no_route");

    public Counter Predicate { get; } = registry.Counter(prefix + "passthrough_internal_redirect_predicate");
}

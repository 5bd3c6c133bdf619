using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>One endpoint of a cluster as configured or discovered.</summary>
public sealed record EndpointConfig
{
    /// <summary>Where it listens.</summary>
    public required SocketEndpoint Address { get; init; }

    /// <summary>Its host name, for <c>auto_host_rewrite</c>; empty where not known.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>
    /// True for a name of which one address is used at a time (LOGICAL_DNS): another address is the same endpoint, and only new connections go there
    /// (Envoy documentation, "Service discovery").
    /// </summary>
    public bool IsLogical { get; init; }

    /// <summary>Share of requests relative to the others of its priority; at least 1.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>0 is used first; the next only while no endpoint of those before is usable.</summary>
    public int Priority { get; init; }

    /// <summary>What discovery said of it.</summary>
    public EndpointHealth Health { get; init; }

    /// <summary>Region, zone and sub-zone, joined by '/'; empty where not known.</summary>
    public string Locality { get; init; } = "";

    /// <summary>True where requests may go to it: unknown, healthy and degraded ones (Envoy documentation, "Load balancing priority levels").</summary>
    public bool IsUsable => Health is EndpointHealth.Unknown or EndpointHealth.Healthy or EndpointHealth.Degraded;
}

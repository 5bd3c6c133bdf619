using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream.HealthChecking;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>One endpoint of a cluster as configured or discovered.</summary>
public sealed record EndpointConfig
{
    /// <summary>Where it listens.</summary>
    public required SocketEndpoint Address { get; init; }

    /// <summary>Other addresses of the same endpoint, such as one of the other family: tried in order where those before do not answer.</summary>
    public ValueList<SocketEndpoint> AdditionalAddresses { get; init; } = ValueList<SocketEndpoint>.Empty;

    /// <summary>Its host name, for <c>auto_host_rewrite</c>; empty where not known.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>
    /// True for a name of which one address is used at a time (LOGICAL_DNS): another address is the same endpoint, and only new connections go there
    /// (Envoy documentation, "Service discovery").
    /// </summary>
    public bool IsLogical { get; init; }

    /// <summary>Share of requests relative to the others of its priority; at least 1.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>0 is used first; the next as far as those before are not healthy enough.</summary>
    public int Priority { get; init; }

    /// <summary>What discovery said of it.</summary>
    public EndpointHealth Health { get; init; }

    /// <summary>What is different about its active checks.</summary>
    public EndpointHealthCheckConfig HealthCheck { get; init; } = EndpointHealthCheckConfig.Default;

    /// <summary>What its place among hashes comes from (<c>hash_key</c> of its <c>envoy.lb</c> metadata); empty for its address.</summary>
    public string HashKey { get; init; } = "";

    /// <summary>What else discovery says of it; null for nothing.</summary>
    public EndpointMetadata? Metadata { get; init; }

    /// <summary>What discovery says of it under <c>envoy.transport_socket_match</c>; null for nothing.</summary>
    public EndpointMetadata? TransportSocketMetadata { get; init; }

    /// <summary>The same, of its locality.</summary>
    public EndpointMetadata? LocalityTransportSocketMetadata { get; init; }

    /// <summary>Region, zone and sub-zone, joined by '/'; empty where not known.</summary>
    public string Locality { get; init; } = "";

    /// <summary>Share of the load that its locality gets among those of its priority, where localities are weighted; 0 for none.</summary>
    public uint LocalityWeight { get; init; }
}

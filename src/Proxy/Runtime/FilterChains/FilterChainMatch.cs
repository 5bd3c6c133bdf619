using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>Where a client is: Envoy's <c>ConnectionSourceType</c>.</summary>
public enum ConnectionSourceType
{
    /// <summary>Wherever.</summary>
    Any,

    /// <summary>On this machine: a loopback address, or the one that it connected to.</summary>
    SameIpOrLoopback,

    /// <summary>On another machine.</summary>
    External,
}

/// <summary>The connections that a filter chain is for: Envoy's <c>FilterChainMatch</c>. What is empty or zero asks for nothing.</summary>
public sealed record FilterChainMatch
{
    /// <summary>Asks for nothing.</summary>
    public static FilterChainMatch Any { get; } = new();

    /// <summary>Port that the client connected to; 0 for any.</summary>
    public int DestinationPort { get; init; }

    /// <summary>Addresses that the client connected to.</summary>
    public ValueList<CidrRange> DestinationRanges { get; init; } = ValueList<CidrRange>.Empty;

    /// <summary>Names that a TLS client asks for, in lower case: whole ones, and <c>*.</c> with the end of some.</summary>
    public ValueList<string> ServerNames { get; init; } = ValueList<string>.Empty;

    /// <summary>What a listener filter found the transport to be: <c>tls</c> or <c>raw_buffer</c>; empty for any.</summary>
    public string TransportProtocol { get; init; } = "";

    /// <summary>Protocols of which the client offers one (ALPN), or that a listener filter found.</summary>
    public ValueList<string> ApplicationProtocols { get; init; } = ValueList<string>.Empty;

    /// <summary>Addresses of the connection's peer.</summary>
    public ValueList<CidrRange> DirectSourceRanges { get; init; } = ValueList<CidrRange>.Empty;

    /// <summary>Where the client is.</summary>
    public ConnectionSourceType SourceType { get; init; }

    /// <summary>Addresses of the client.</summary>
    public ValueList<CidrRange> SourceRanges { get; init; } = ValueList<CidrRange>.Empty;

    /// <summary>Ports of the client.</summary>
    public ValueList<int> SourcePorts { get; init; } = ValueList<int>.Empty;
}

using System.Collections.Immutable;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>A way to find the client behind proxies, where the peer of the connection is not taken for it: Envoy's <c>original_ip_detection_extensions</c>.</summary>
public abstract record OriginalIpDetection;

/// <summary>From <c>x-forwarded-for</c>: Envoy's <c>envoy.http.original_ip_detection.xff</c>.</summary>
public sealed record XffDetection : OriginalIpDetection
{
    /// <summary>Entries from the right end that proxies wrote and that are passed over; 0 takes the last. Excludes <see cref="TrustedCidrs"/>.</summary>
    public uint TrustedHops { get; init; }

    /// <summary>
    /// Proxies: the client is the last entry that is none of them, or the first where all are. Nothing is found where the peer is none of
    /// them. Empty to count hops instead.
    /// </summary>
    public ImmutableArray<CidrRange> TrustedCidrs { get; init; } = [];

    /// <summary>True (the default) to leave <c>x-forwarded-for</c> as it is.</summary>
    public bool SkipXffAppend { get; init; } = true;
}

/// <summary>From a header that holds nothing but an address: Envoy's <c>envoy.http.original_ip_detection.custom_header</c>.</summary>
public sealed record CustomHeaderDetection : OriginalIpDetection
{
    /// <summary>The header's name in lower case.</summary>
    public required string HeaderName { get; init; }

    /// <summary>True where an internal address makes the request internal; false by default.</summary>
    public bool AllowsTrust { get; init; }

    /// <summary>Answer to a request whose header is missing or holds no address; 0 (the default) to go on without.</summary>
    public int RejectStatus { get; init; }
}

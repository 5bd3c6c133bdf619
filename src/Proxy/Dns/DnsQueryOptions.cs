using System.Collections.Immutable;
using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>How a resolver asks. What is not said here, /etc/resolv.conf says.</summary>
internal sealed record DnsQueryOptions
{
    /// <summary>Port of DNS.</summary>
    public const int DefaultPort = 53;

    /// <summary>Longest answer over UDP that is asked for: what passes every network in one piece (DNS Flag Day 2020).</summary>
    public const int DefaultPayloadSize = 1232;

    /// <summary>Questions that are on the way at the same time, each with a socket; what is more waits for its turn.</summary>
    public const int MaxOutstanding = 64;

    /// <summary>Questions whose answers are kept.</summary>
    public const int MaxCached = 32_768;

    /// <summary>How long a server has for an answer where nobody says: the default of Envoy and of resolv.conf(5).</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How often each server is asked where nobody says: Envoy's default.</summary>
    public const int DefaultTries = 4;

    /// <summary>Servers to ask; empty for those of /etc/resolv.conf.</summary>
    public ImmutableArray<IPEndPoint> Servers { get; init; } = [];

    /// <summary>Whether <see cref="Servers"/> are asked only where /etc/resolv.conf names none: Envoy's <c>use_resolvers_as_fallback</c>.</summary>
    public bool UseServersAsFallback { get; init; }

    /// <summary>Whether everything is asked over TCP: Envoy's <c>use_tcp_for_dns_lookups</c>.</summary>
    public bool UseTcp { get; init; }

    /// <summary>Whether names are looked for only as they are: Envoy's <c>no_default_search_domain</c>.</summary>
    public bool NoSearch { get; init; }

    /// <summary>Whether families that this machine has no address of are left out: Envoy's <c>filter_unroutable_families</c>.</summary>
    public bool OnlyRoutableFamilies { get; init; }

    /// <summary>How long a server has for an answer; null for what /etc/resolv.conf says, and 5 s otherwise.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How often each server is asked; null for what /etc/resolv.conf says, and 4 otherwise.</summary>
    public int? Tries { get; init; }

    /// <summary>Whether queries are spread over the servers.</summary>
    public bool Rotate { get; init; }

    /// <summary>Longest answer over UDP; 1232 bytes by default, from 512 to 4096.</summary>
    public int PayloadSize { get; init; } = DefaultPayloadSize;
}

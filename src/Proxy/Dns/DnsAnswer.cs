using System.Collections.Immutable;
using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>How a lookup ended.</summary>
internal enum DnsStatus
{
    /// <summary>There are addresses.</summary>
    Found,

    /// <summary>The name exists, but not with addresses of that kind.</summary>
    NoData,

    /// <summary>The name does not exist.</summary>
    NoSuchName,

    /// <summary>Nobody could tell.</summary>
    Failed,
}

/// <summary>What a lookup gave.</summary>
internal sealed record DnsAnswer
{
    /// <summary>How it ended.</summary>
    public required DnsStatus Status { get; init; }

    /// <summary>The addresses in the order of the answer; none unless <see cref="DnsStatus.Found"/>.</summary>
    public ImmutableArray<IPAddress> Addresses { get; init; } = [];

    /// <summary>Where a service is, where that was asked for; none unless <see cref="DnsStatus.Found"/>.</summary>
    public ImmutableArray<ServiceRecord> Services { get; init; } = [];

    /// <summary>How long it may be believed; zero for once.</summary>
    public TimeSpan Ttl { get; init; }

    /// <summary>True for an answer that is past its time and in use because no new one could be had (RFC 8767).</summary>
    public bool IsStale { get; init; }

    /// <summary>Why there are no addresses, or no fresh ones, for people; empty where there are.</summary>
    public string Reason { get; init; } = "";

    /// <summary>An answer that nobody could give.</summary>
    public static DnsAnswer Failure(string reason) => new() { Status = DnsStatus.Failed, Reason = reason };

    /// <summary>Addresses that are known without asking.</summary>
    public static DnsAnswer Known(ImmutableArray<IPAddress> addresses) =>
        addresses.IsEmpty ? Absence(DnsStatus.NoData, TimeSpan.Zero) : new DnsAnswer { Status = DnsStatus.Found, Addresses = addresses };

    /// <summary>An answer that there is nothing.</summary>
    public static DnsAnswer Absence(DnsStatus status, TimeSpan ttl) =>
        new() { Status = status, Ttl = ttl, Reason = status == DnsStatus.NoSuchName ? "there is no such name" : "it has no record of that kind" };
}

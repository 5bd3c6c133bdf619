using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>A response as it came (RFC 1035 section 4.1), without the records that nothing here uses.</summary>
internal sealed record DnsMessage
{
    /// <summary>Number of the query that it answers.</summary>
    public required ushort Id { get; init; }

    /// <summary>True where not everything fitted in: it has no records then, and has to be asked for over TCP (RFC 2181 section 9).</summary>
    public required bool IsTruncated { get; init; }

    /// <summary>How it went, with the upper bits that EDNS adds.</summary>
    public required DnsResponseCode Code { get; init; }

    /// <summary>The question that it repeats; null where a server that did not understand the query leaves it out.</summary>
    public DnsQuestion? Question { get; init; }

    /// <summary>The records that answer.</summary>
    public ImmutableArray<DnsRecord> Answers { get; init; } = [];

    /// <summary>The records that say who is responsible.</summary>
    public ImmutableArray<DnsRecord> Authorities { get; init; } = [];
}

using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>Types of resource records that are read (RFC 1035 section 3.2.2, RFC 2782, RFC 3596, RFC 6891).</summary>
internal enum DnsRecordType : ushort
{
    A = 1,
    Cname = 5,
    Soa = 6,
    Aaaa = 28,
    Srv = 33,
    Opt = 41,
}

/// <summary>Response codes (RFC 1035 section 4.1.1); others appear as their number.</summary>
internal enum DnsResponseCode
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,

    /// <summary>The name does not exist: NXDOMAIN.</summary>
    NameError = 3,
    NotImplemented = 4,
    Refused = 5,
}

/// <summary>What is asked, in the class IN.</summary>
/// <param name="Name">A name as <see cref="DnsName"/> writes it.</param>
/// <param name="Type">Type of the records.</param>
internal sealed record DnsQuestion(string Name, DnsRecordType Type);

/// <summary>A resource record of the class IN.</summary>
/// <param name="Name">Owner, as <see cref="DnsName"/> writes it.</param>
/// <param name="Type">Type.</param>
/// <param name="TtlSeconds">How long it may be kept; 0 for this answer alone.</param>
internal abstract record DnsRecord(string Name, DnsRecordType Type, uint TtlSeconds);

/// <summary>An IPv4 or IPv6 address: A or AAAA.</summary>
internal sealed record AddressRecord(string Name, DnsRecordType Type, uint TtlSeconds, IPAddress Address) : DnsRecord(Name, Type, TtlSeconds);

/// <summary>Another name for the owner: CNAME.</summary>
internal sealed record AliasRecord(string Name, uint TtlSeconds, string Target) : DnsRecord(Name, DnsRecordType.Cname, TtlSeconds);

/// <summary>What a zone says of itself: SOA. The minimum is how long the absence of a name may be believed (RFC 2308 section 4).</summary>
internal sealed record ZoneRecord(string Name, uint TtlSeconds, uint MinimumSeconds) : DnsRecord(Name, DnsRecordType.Soa, TtlSeconds);

/// <summary>Where a service is: SRV (RFC 2782).</summary>
internal sealed record ServiceRecord(string Name, uint TtlSeconds, ushort Priority, ushort Weight, ushort Port, string Target)
    : DnsRecord(Name, DnsRecordType.Srv, TtlSeconds);

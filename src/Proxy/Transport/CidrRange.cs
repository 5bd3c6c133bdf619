using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>A range of addresses (RFC 4632): Envoy's <c>CidrRange</c>. Bits beyond the prefix do not count.</summary>
public sealed record CidrRange
{
    private readonly IpAddress _address;
    private readonly int _shift;

    /// <summary>Makes a range.</summary>
    /// <param name="prefix">An address in it.</param>
    /// <param name="prefixLength">Leading bits that an address must share with it; at most 32 or 128.</param>
    public CidrRange(IPAddress prefix, int prefixLength)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        var bits = prefix.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32;
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)prefixLength, (uint)bits, nameof(prefixLength));
        _address = IpAddress.From(prefix);

        // An IPv4-mapped prefix is a range of IPv4 addresses.
        _shift = Math.Min(bits - prefixLength, _address.Length);
    }

    /// <summary>Bits that an address must share with the range.</summary>
    internal int PrefixLength => _address.Length - _shift;

    /// <summary>An address in the range.</summary>
    internal IpAddress Prefix => _address;

    /// <summary>Bits of an address that do not count.</summary>
    internal int FreeBits => _shift;

    /// <summary>Whether an address lies in the range; no address lies in none.</summary>
    internal bool Contains(IpAddress address) =>
        address.Length == _address.Length && (_shift == address.Length || address.Bits >> _shift == _address.Bits >> _shift);

    /// <summary>Whether an address lies in one of the ranges.</summary>
    internal static bool AnyContains(ImmutableArray<CidrRange> ranges, IpAddress address)
    {
        foreach (var range in ranges)
        {
            if (range.Contains(address))
            {
                return true;
            }
        }

        return false;
    }
}

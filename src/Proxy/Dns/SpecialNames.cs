using System.Net;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>Names that no server is asked for: those of RFC 6761, and .onion (RFC 7686).</summary>
internal static class SpecialNames
{
    /// <summary>The answer to a name that has one of its own; null for all others.</summary>
    public static DnsAnswer? Find(string name, DnsRecordType type)
    {
        if (IsUnder(name, "localhost"))
        {
            return DnsAnswer.Known([type == DnsRecordType.Aaaa ? IPAddress.IPv6Loopback : IPAddress.Loopback]);
        }

        return IsUnder(name, "invalid") || IsUnder(name, "onion") ? DnsAnswer.Absence(DnsStatus.NoSuchName, TimeSpan.Zero) : null;
    }

    private static bool IsUnder(string name, string top) =>
        name.EndsWith(top, StringComparison.Ordinal) && (name.Length == top.Length || name[^(top.Length + 1)] == '.');
}

namespace KubeProxyNet.Proxy.Overload;

/// <summary>How many connections a source may have open. A source is what the first bits of an address say: for IPv6 the network that one host is given.</summary>
/// <param name="MaxConnections">Most at a time, at least 1.</param>
/// <param name="Ipv4PrefixLength">Bits of an IPv4 address, 1 to 32.</param>
/// <param name="Ipv6PrefixLength">Bits of an IPv6 address, 1 to 128.</param>
public sealed record SourceConnectionLimit(int MaxConnections, int Ipv4PrefixLength = 32, int Ipv6PrefixLength = 64);

using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>An IP address and port with its kernel form and its text, made once and shared. Equality is by address and port.</summary>
public sealed class SocketEndpoint : IEquatable<SocketEndpoint>
{
    private const int FamilyIpV4 = 2;
    private const int FamilyIpV6 = 10;

    private readonly byte[] _sockaddr;

    /// <summary>Builds the kernel form of an address.</summary>
    public SocketEndpoint(IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)port, 65535u, nameof(port));
        Address = address;
        Port = port;
        Family = address.AddressFamily == AddressFamily.InterNetworkV6 ? FamilyIpV6 : FamilyIpV4;
        _sockaddr = Encode(address, port, Family);
        Text = Encoding.ASCII.GetBytes(ToString());
        Value = IpAddress.From(address);
        AddressText = Encoding.ASCII.GetBytes(address.ToString());
    }

    /// <summary>The IP address.</summary>
    public IPAddress Address { get; }

    /// <summary>The port, 0 to 65535.</summary>
    public int Port { get; }

    /// <summary>The address as a value.</summary>
    internal IpAddress Value { get; }

    /// <summary>AF_INET or AF_INET6.</summary>
    internal int Family { get; }

    /// <summary>struct sockaddr_in or sockaddr_in6.</summary>
    internal ReadOnlySpan<byte> SockAddr => _sockaddr;

    /// <summary><c>1.2.3.4:80</c> or <c>[::1]:80</c> in ASCII.</summary>
    public ReadOnlyMemory<byte> Text { get; }

    /// <summary>The address without port in ASCII, without brackets.</summary>
    public ReadOnlyMemory<byte> AddressText { get; }

    /// <summary>Decodes struct sockaddr_in or sockaddr_in6; an unknown family gives 0.0.0.0:0.</summary>
    internal static SocketEndpoint Decode(ReadOnlySpan<byte> sockaddr)
    {
        var family = BitConverter.ToUInt16(sockaddr);
        var port = (sockaddr[2] << 8) | sockaddr[3];
        return family switch
        {
            FamilyIpV4 => new SocketEndpoint(new IPAddress(sockaddr.Slice(4, 4)), port),
            FamilyIpV6 => new SocketEndpoint(Unmap(new IPAddress(sockaddr.Slice(8, 16))), port),
            _ => new SocketEndpoint(IPAddress.Any, 0),
        };
    }

    /// <inheritdoc/>
    public bool Equals(SocketEndpoint? other) => other is not null && Port == other.Port && Address.Equals(other.Address);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SocketEndpoint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Address, Port);

    /// <inheritdoc/>
    public override string ToString() =>
        Address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Address}]:{Port}" : $"{Address}:{Port}";

    private static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static byte[] Encode(IPAddress address, int port, int family)
    {
        var bytes = new byte[family == FamilyIpV6 ? 28 : 16];
        bytes[0] = (byte)family;
        bytes[2] = (byte)(port >> 8);
        bytes[3] = (byte)port;
        address.TryWriteBytes(bytes.AsSpan(family == FamilyIpV6 ? 8 : 4), out _);
        return bytes;
    }
}

using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// An IP address and port, or the path of a Unix domain socket, with its kernel form and its text, made once and shared. Equality is by address and port, or by
/// path.
/// </summary>
public sealed class SocketEndpoint : IEquatable<SocketEndpoint>
{
    /// <summary>Bytes of the longest path of a Unix domain socket (unix(7): 108 with the end).</summary>
    public const int MaxPathLength = 107;

    private const int FamilyUnix = 1;
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

    private SocketEndpoint(byte[] text, byte[] sockaddr)
    {
        Path = Encoding.UTF8.GetString(text);
        Address = IPAddress.None;
        Family = FamilyUnix;
        _sockaddr = sockaddr;
        Text = text;
        AddressText = text;
    }

    /// <summary>The Unix domain socket of a path; one that begins with '@' is in the abstract namespace. As Envoy's <c>Pipe</c>.</summary>
    /// <exception cref="ArgumentException">The path is longer than <see cref="MaxPathLength"/> bytes.</exception>
    public static SocketEndpoint OfPath(string path)
    {
        var text = Encoding.UTF8.GetBytes(path);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(text.Length, MaxPathLength, nameof(path));

        // The name of an abstract socket is as long as the address says; a path ends with a zero.
        var isAbstract = text is [(byte)'@', ..];
        var sockaddr = new byte[2 + text.Length + (isAbstract ? 0 : 1)];
        sockaddr[0] = FamilyUnix;
        text.CopyTo(sockaddr, 2);
        if (isAbstract)
        {
            sockaddr[2] = 0;
        }

        return new SocketEndpoint(text, sockaddr);
    }

    /// <summary>What the base library knows the Unix domain socket of a path as: '@' before an abstract name is a zero there.</summary>
    internal static UnixDomainSocketEndPoint EndPointOf(string path) => new(path.StartsWith('@') ? "\0" + path[1..] : path);

    /// <summary>The address as the base library knows it.</summary>
    internal EndPoint ToEndPoint() => Path is { } path ? EndPointOf(path) : new IPEndPoint(Address, Port);

    /// <summary>Path of a Unix domain socket, with '@' before an abstract name and empty for a socket without one; null for an IP address.</summary>
    public string? Path { get; }

    /// <summary>True for a Unix domain socket that is a file.</summary>
    internal bool IsFile => Path is { Length: > 0 } && Path[0] != '@';

    /// <summary>The IP address; 255.255.255.255 for a Unix domain socket, which is in no range that anyone configures.</summary>
    public IPAddress Address { get; }

    /// <summary>The port, 0 to 65535; 0 for a Unix domain socket.</summary>
    public int Port { get; }

    /// <summary>The address as a value; no address for a Unix domain socket.</summary>
    internal IpAddress Value { get; }

    /// <summary>AF_INET, AF_INET6 or AF_UNIX.</summary>
    internal int Family { get; }

    /// <summary>struct sockaddr_in, sockaddr_in6 or sockaddr_un.</summary>
    internal ReadOnlySpan<byte> SockAddr => _sockaddr;

    /// <summary><c>1.2.3.4:80</c> or <c>[::1]:80</c> in ASCII, or the path in UTF-8.</summary>
    public ReadOnlyMemory<byte> Text { get; }

    /// <summary>The address without port in ASCII, without brackets; the path for a Unix domain socket.</summary>
    public ReadOnlyMemory<byte> AddressText { get; }

    /// <summary>Decodes struct sockaddr_in, sockaddr_in6 or sockaddr_un; an unknown family gives 0.0.0.0:0.</summary>
    internal static SocketEndpoint Decode(ReadOnlySpan<byte> sockaddr)
    {
        var family = BitConverter.ToUInt16(sockaddr);
        if (family == FamilyUnix)
        {
            return DecodePath(sockaddr[2..]);
        }

        var port = (sockaddr[2] << 8) | sockaddr[3];
        return family switch
        {
            FamilyIpV4 => new SocketEndpoint(new IPAddress(sockaddr.Slice(4, 4)), port),
            FamilyIpV6 => new SocketEndpoint(Unmap(new IPAddress(sockaddr.Slice(8, 16))), port),
            _ => new SocketEndpoint(IPAddress.Any, 0),
        };
    }

    /// <inheritdoc/>
    public bool Equals(SocketEndpoint? other) => other is not null && Port == other.Port && Path == other.Path && Address.Equals(other.Address);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SocketEndpoint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Address, Port, Path);

    /// <inheritdoc/>
    public override string ToString() => Path is not null ? Path
        : Address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Address}]:{Port}" : $"{Address}:{Port}";

    /// <summary>A path ends with a zero, an abstract name begins with one (unix(7)); a socket that was never bound has neither.</summary>
    private static SocketEndpoint DecodePath(ReadOnlySpan<byte> path)
    {
        var name = path.ToArray();
        if (name is [0, ..])
        {
            name[0] = (byte)'@';
        }

        var end = name.AsSpan().IndexOf((byte)0);
        var text = end < 0 ? name : name[..end];
        return new SocketEndpoint(text, [FamilyUnix, 0, .. path]);
    }

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

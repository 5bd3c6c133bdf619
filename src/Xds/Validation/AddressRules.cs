using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Envoy.Config.Core.V3;
using SocketAddress = Envoy.Config.Core.V3.SocketAddress;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Rules on addresses.</summary>
internal static class AddressRules
{
    /// <summary>Reports an address whose host is not an IP address, where no name is resolved.</summary>
    public static void CheckIsIp(Address? address, ConfigPath path, ConfigProblems problems)
    {
        if (address?.SocketAddress is { Address.Length: > 0 } socket && ParseIp(socket.Address) is null)
        {
            problems.Invalid(
                path.Field("socket_address").Field("address"),
                $"\"{socket.Address}\" is not an IP address",
                "write an IPv4 or IPv6 address, or use a cluster of type STRICT_DNS for a name");
        }
    }

    /// <summary>Reports a transport that the data plane does not speak.</summary>
    public static void CheckIsTcp(Address? address, ConfigPath path, ConfigProblems problems)
    {
        if (address?.SocketAddress is { Protocol: SocketAddress.Types.Protocol.Udp })
        {
            problems.Invalid(path.Field("socket_address").Field("protocol"), "UDP is not supported here", "use TCP");
        }
    }

    /// <summary>Reports a block of addresses that is none.</summary>
    public static void Check(string addressPrefix, uint? prefixLength, ConfigPath path, ConfigProblems problems)
    {
        if (addressPrefix.Length == 0)
        {
            return;
        }

        if (ParseIp(addressPrefix) is not { } address)
        {
            problems.Invalid(path.Field("address_prefix"), $"\"{addressPrefix}\" is not an IP address", "write the first address of the range; the length goes into prefix_len");
            return;
        }

        var longest = address.AddressFamily == AddressFamily.InterNetwork ? 32u : 128u;
        if (prefixLength is { } length && length > longest)
        {
            problems.Invalid(path.Field("prefix_len"), $"{length} is longer than the address", $"write a number from 0 to {longest}");
        }
    }

    /// <summary>An address as a message shows it and as two of them are compared.</summary>
    public static string Describe(Address address) => address.AddressCase switch
    {
        Address.AddressOneofCase.SocketAddress => ParseIp(address.SocketAddress.Address) is { AddressFamily: AddressFamily.InterNetworkV6 } ip
            ? string.Create(CultureInfo.InvariantCulture, $"[{ip}]:{address.SocketAddress.PortValue}")
            : string.Create(CultureInfo.InvariantCulture, $"{address.SocketAddress.Address}:{address.SocketAddress.PortValue}"),
        Address.AddressOneofCase.Pipe => address.Pipe.Path,
        _ => string.Empty,
    };

    /// <summary>Four decimal numbers, or an IPv6 address without brackets; shorter IPv4 forms such as 127.1 are refused.</summary>
    private static IPAddress? ParseIp(string text) =>
        IPAddress.TryParse(text, out var address) && !text.StartsWith('[')
        && (address.AddressFamily != AddressFamily.InterNetwork || string.Equals(address.ToString(), text, StringComparison.Ordinal))
            ? address
            : null;
}

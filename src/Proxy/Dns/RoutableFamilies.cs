using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>Which kinds of addresses this machine has, beyond loopback.</summary>
internal static class RoutableFamilies
{
    /// <summary>Whether an interface that is up has an address of a family now. Asks the kernel; true where it does not say.</summary>
    public static bool Has(AddressFamily family)
    {
        try
        {
            return NetworkInterface.GetAllNetworkInterfaces()
                .Where(static network => network.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
                .SelectMany(static network => network.GetIPProperties().UnicastAddresses)
                .Any(address => address.Address.AddressFamily == family && !IPAddress.IsLoopback(address.Address));
        }
        catch (NetworkInformationException)
        {
            return true;
        }
    }
}

namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// Opens listening sockets, each worker its own on the same address (SO_REUSEPORT), so that the kernel spreads connections. A Unix domain socket is one for all of
/// them: who is first accepts.
/// </summary>
internal static unsafe class ListenSocket
{
    private const int Backlog = 4096;

    /// <summary>
    /// Opens <paramref name="count"/> sockets on one address. Port 0 takes a free port for all of them.
    /// </summary>
    /// <param name="address">An IPv6 address takes IPv6 alone, as in Envoy, unless <paramref name="ipv4Compat"/> says otherwise.</param>
    /// <param name="count">Number of sockets.</param>
    /// <param name="ipv4Compat">True for an IPv6 address that takes IPv4 as well: Envoy's <c>ipv4_compat</c>.</param>
    /// <exception cref="ListenException">The address cannot be used; the message names it and the remedy.</exception>
    public static (int[] Descriptors, SocketEndpoint Address) Open(SocketEndpoint address, int count, bool ipv4Compat = false)
    {
        if (address.Path is not null)
        {
            return (OfPath(address, count), address);
        }

        // SO_REUSEPORT would let a second process of the same user share the port in silence: a probe without it finds a port in use.
        if (address.Port != 0)
        {
            _ = Native.Close(Bind(address, reusePort: false, ipv4Compat));
        }

        var descriptors = new int[count];
        for (var i = 0; i < count; i++)
        {
            try
            {
                descriptors[i] = Bind(address, reusePort: true, ipv4Compat);
            }
            catch (ListenException)
            {
                CloseAll(descriptors.AsSpan(0, i));
                throw;
            }

            address = LocalAddress(descriptors[i]);
        }

        return (descriptors, address);
    }

    /// <summary>The address a socket is bound to.</summary>
    public static SocketEndpoint LocalAddress(int descriptor) =>
        LocalAddressOf(descriptor) ?? throw new InvalidOperationException($"getsockname failed with errno {Native.Errno}.");

    /// <summary>The same; null where the kernel does not say.</summary>
    public static SocketEndpoint? LocalAddressOf(int descriptor)
    {
        var buffer = stackalloc byte[128];
        uint length = 128;
        return Native.GetSocketName(descriptor, buffer, &length) < 0 ? null : SocketEndpoint.Decode(new ReadOnlySpan<byte>(buffer, (int)length));
    }

    /// <summary>Gives the file of a Unix domain socket a mode, as Envoy does; 0 leaves it as it is.</summary>
    /// <exception cref="ListenException">The mode cannot be set.</exception>
    public static void SetMode(SocketEndpoint address, uint mode)
    {
        if (mode > 0 && address.IsFile && Native.ChangeMode(address.Path!, mode) < 0)
        {
            throw ListenException.From(address, Native.Errno);
        }
    }

    /// <summary>Removes the file of a Unix domain socket that nobody listens on any more.</summary>
    public static void Remove(SocketEndpoint address)
    {
        if (address.IsFile && !IsInUse(address))
        {
            _ = Native.Unlink(address.Path!);
        }
    }

    private static int[] OfPath(SocketEndpoint address, int count)
    {
        // Envoy unlinks whatever is there, so that what a killed process left does not keep the next one from starting. What a process listens on is not taken.
        if (address.IsFile)
        {
            if (IsInUse(address))
            {
                throw ListenException.From(address, Native.EAddrInUse);
            }

            if (new FileInfo(address.Path!) is not { Exists: true, Length: > 0 })
            {
                _ = Native.Unlink(address.Path!);
            }
        }

        var descriptors = new int[count];
        descriptors[0] = Bind(address, reusePort: false, ipv4Compat: false);
        for (var i = 1; i < count; i++)
        {
            descriptors[i] = Native.FileControl(descriptors[0], Native.DuplicateCloseOnExec, 0);
            if (descriptors[i] < 0)
            {
                var error = Native.Errno;
                CloseAll(descriptors.AsSpan(0, i));
                throw ListenException.From(address, error);
            }
        }

        return descriptors;
    }

    /// <summary>Whether a process listens there: it takes a connection, or has too many that wait.</summary>
    private static bool IsInUse(SocketEndpoint address)
    {
        var descriptor = ConnectSocket.Start(address);
        if (descriptor >= 0)
        {
            _ = Native.Close(descriptor);
        }

        return descriptor >= 0 || descriptor == -Native.EAgain;
    }

    private static int Bind(SocketEndpoint address, bool reusePort, bool ipv4Compat)
    {
        var descriptor = Native.Socket(address.Family, Native.SockStream | Native.SockNonBlock | Native.SockCloseOnExec, 0);
        if (descriptor < 0)
        {
            throw ListenException.From(address, Native.Errno);
        }

        Native.SetOption(descriptor, Native.SolSocket, Native.SoReuseAddress, 1);
        if (reusePort)
        {
            Native.SetOption(descriptor, Native.SolSocket, Native.SoReusePort, 1);
        }

        if (address.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            Native.SetOption(descriptor, Native.IpProtoIpV6, Native.IpV6Only, ipv4Compat ? 0 : 1);
        }

        // Accepted sockets inherit it, which saves a call for each.
        Native.SetOption(descriptor, Native.IpProtoTcp, Native.TcpNoDelay, 1);
        int result;
        fixed (byte* sockaddr = address.SockAddr)
        {
            result = Native.Bind(descriptor, sockaddr, (uint)address.SockAddr.Length);
        }

        if (result < 0 || Native.Listen(descriptor, Backlog) < 0)
        {
            var error = Native.Errno;
            _ = Native.Close(descriptor);
            throw ListenException.From(address, error);
        }

        return descriptor;
    }

    private static void CloseAll(ReadOnlySpan<int> descriptors)
    {
        foreach (var descriptor in descriptors)
        {
            _ = Native.Close(descriptor);
        }
    }
}

/// <summary>An address cannot be listened on; the message names it and what to do.</summary>
public sealed class ListenException : IOException
{
    private ListenException(string message)
        : base(message)
    {
    }

    internal static ListenException From(SocketEndpoint address, int error) => new(error switch
    {
        Native.EAddrInUse when address.Path is not null =>
            $"cannot listen on {address}: it is in use by another process, or no socket; stop that process (see `ss -lxp`), remove the file or choose another path",
        Native.EAcces when address.Path is not null => $"cannot listen on {address}: permission denied; use a folder that this user may write to",
        Native.ENoEnt when address.Path is not null => $"cannot listen on {address}: its folder does not exist; create it",
        Native.EAddrInUse => $"cannot listen on {address}: the port is in use by another process; stop it (see `ss -ltnp`) or choose another port",
        Native.EAddrNotAvail => $"cannot listen on {address}: this machine has no such address; use 0.0.0.0 or one that `ip addr` shows",
        Native.EAcces => $"cannot listen on {address}: permission denied; use a port above 1023 or grant CAP_NET_BIND_SERVICE",
        _ => $"cannot listen on {address}: errno {error}",
    });
}

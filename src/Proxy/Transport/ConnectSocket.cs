namespace KubeProxyNet.Proxy.Transport;

/// <summary>Starts outgoing connections.</summary>
internal static unsafe class ConnectSocket
{
    /// <summary>A non-blocking socket whose connect is under way; a negative errno where it failed at once.</summary>
    public static int Start(SocketEndpoint address)
    {
        var descriptor = Native.Socket(address.Family, Native.SockStream | Native.SockNonBlock | Native.SockCloseOnExec, 0);
        if (descriptor < 0)
        {
            return -Native.Errno;
        }

        Native.SetOption(descriptor, Native.IpProtoTcp, Native.TcpNoDelay, 1);

        // A server's urgent bytes are bytes of its response like all others (RFC 6093 section 3.1): left out of line they would be missing from it.
        Native.SetOption(descriptor, Native.SolSocket, Native.SoOobInline, 1);
        int result;
        fixed (byte* sockaddr = address.SockAddr)
        {
            result = Native.Connect(descriptor, sockaddr, (uint)address.SockAddr.Length);
        }

        if (result < 0 && Native.Errno is var error and not Native.EInProgress)
        {
            _ = Native.Close(descriptor);
            return -error;
        }

        return descriptor;
    }
}

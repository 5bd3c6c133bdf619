using System.Net;
using System.Net.Sockets;

namespace KubeProxyNet.Testing;

/// <summary>
/// Ports for processes that cannot tell which one they were given for port 0. They lie below the ephemeral range (32768 and up on Linux), so
/// that no outgoing connection takes one between here and the process' own bind; none is given twice by one test process.
/// </summary>
public static class FreePort
{
    private const int First = 20_000;
    private const int Count = 12_000;
    private static int s_next = Environment.ProcessId * 101;

    /// <summary>A port on which nobody listens, on any address.</summary>
    public static int Take()
    {
        for (var tries = 0; tries < Count; tries++)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref s_next) % Count);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Any, port));
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // The next one, then.
            }
        }

        throw new InvalidOperationException($"no port is free from {First} to {First + Count - 1}");
    }
}

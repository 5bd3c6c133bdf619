using System.Net.Sockets;

namespace KubeProxyNet.Testing;

/// <summary>What stands between a client and a backend and hands on what both send.</summary>
public static class SocketCopy
{
    /// <summary>Hands on what one end sends until it ends its half, and then that as well. Throws what the sockets throw.</summary>
    /// <param name="from">Is read.</param>
    /// <param name="to">Is written to.</param>
    /// <param name="cancel">Ends it.</param>
    /// <param name="seen">Is shown the bytes before they go on; null for nobody.</param>
    public static async Task RunAsync(Socket from, Socket to, CancellationToken cancel, Action<ReadOnlySpan<byte>>? seen = null)
    {
        var buffer = new byte[16 * 1024];
        while (await from.ReceiveAsync(buffer, cancel) is > 0 and var count)
        {
            seen?.Invoke(buffer.AsSpan(0, count));
            for (var sent = 0; sent < count;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), cancel);
            }
        }

        to.Shutdown(SocketShutdown.Send);
    }
}

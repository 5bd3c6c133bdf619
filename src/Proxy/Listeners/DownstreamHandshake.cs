using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Forensics;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>The handshake with a client: after the filter chain was chosen, before its network filter begins.</summary>
internal static class DownstreamHandshake
{
    /// <summary>Longest handshake in milliseconds where the filter chain sets none. Envoy has no bound; a client that says nothing must not hold a connection for ever.</summary>
    public const long DefaultTimeoutMs = 10_000;

    /// <summary>Agrees with the client. The owner of the connection interrupts it at its deadline, which is set here.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="tls">Settings.</param>
    /// <param name="peer">The client.</param>
    /// <param name="timeoutMs">Longest wait; 0 for the default.</param>
    /// <returns>The session; null where the connection is to be closed.</returns>
    public static async LoopTask<TlsSocket?> RunAsync(Connection connection, DownstreamTls tls, SocketEndpoint peer, long timeoutMs)
    {
        var worker = connection.Worker;
        if (tls.Context is null)
        {
            worker.Stats.Increment(tls.SecretsNotReady);
            return null;
        }

        var socket = new TlsSocket(connection, tls.Context);
        var endMs = worker.NowMs + (timeoutMs > 0 ? timeoutMs : DefaultTimeoutMs);
        connection.SetDeadline(endMs - worker.NowMs);
        var result = await socket.HandshakeAsync(endMs);
        connection.ClearDeadline();
        var isLate = result == HandshakeResult.Interrupted && worker.NowMs >= endMs;
        tls.Stats.Count(worker.Stats, socket, isLate ? HandshakeResult.Failed : result);
        if (result == HandshakeResult.Done)
        {
            return socket;
        }

        // Who connects and goes without a word is no failure worth a record: probes do it all day.
        if (isLate || result == HandshakeResult.Failed || (result == HandshakeResult.Disconnected && !socket.ReceivedHello.IsEmpty))
        {
            tls.Failures.Report(() => HandshakeDiagnosis.Of(socket, tls.Resource, peer.ToString(), isLate ? "the handshake took longer than transport_socket_connect_timeout" : ""));
        }

        return null;
    }
}

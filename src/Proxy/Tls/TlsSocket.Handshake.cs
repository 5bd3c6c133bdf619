using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>How a handshake ended.</summary>
internal enum HandshakeResult : byte
{
    Done,

    /// <summary>One side refused; <see cref="TlsSocket.Failure"/> says why.</summary>
    Failed,

    /// <summary>The peer ended or reset the connection before the end.</summary>
    Disconnected,

    /// <summary>The owner called <see cref="LoopStream.Interrupt"/>.</summary>
    Interrupted,
}

/// <content>The handshake.</content>
internal sealed partial class TlsSocket
{
    /// <summary>Agrees with the peer. The owner interrupts the connection at its deadline; this looks at it too, for nobody waits on the connection while it waits for its turn.</summary>
    /// <param name="endMs">The deadline on the worker's clock.</param>
    public async LoopTask<HandshakeResult> HandshakeAsync(long endMs)
    {
        var worker = _connection.Worker;
        while (true)
        {
            await worker.Handshakes.Next();
            if (_isCancelled || _connection.IsClosed || worker.NowMs >= endMs)
            {
                return HandshakeResult.Interrupted;
            }

            if (Step() is { } result)
            {
                return result;
            }

            if (await _connection.Readable() == WaitResult.Interrupted)
            {
                return HandshakeResult.Interrupted;
            }
        }
    }
}

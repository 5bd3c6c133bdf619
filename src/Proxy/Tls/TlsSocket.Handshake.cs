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

    /// <summary>The owner called <see cref="Connection.Interrupt"/>.</summary>
    Interrupted,
}

/// <content>The handshake.</content>
internal sealed partial class TlsSocket
{
    /// <summary>Agrees with the peer. The connection's deadline and interruptions are the owner's affair.</summary>
    public async LoopTask<HandshakeResult> HandshakeAsync()
    {
        while (true)
        {
            while (!_connection.Worker.Handshakes.TryTake())
            {
                await _connection.Worker.NextTurn();
            }

            if (_connection.IsClosed)
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

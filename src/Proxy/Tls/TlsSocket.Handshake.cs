using KubeProxyNet.Proxy.Tls.OpenSsl;
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
    private bool _isCancelled;
    private Block? _hello;
    private int _helloLength;

    /// <summary>A name that the peer's certificate must have besides what the context demands; null for none. Set before the handshake.</summary>
    public string? DemandedHost { get; init; }

    /// <summary>The server name that we ask for; null for none. Set before the handshake.</summary>
    public string? AskedServerName
    {
        get;
        init
        {
            field = value;
            if (value is not null)
            {
                ClientTlsContext.AskFor(_ssl, value);
            }
        }
    }

    /// <summary>
    /// The protocols that we offer where the context names none, as <see cref="AlpnList"/> writes them; empty (the default) for none. Set before the
    /// handshake.
    /// </summary>
    public byte[] FallbackProtocols
    {
        get;
        init
        {
            field = value;
            if (value.Length > 0 && Context.OfferedProtocols.Count == 0)
            {
                ClientTlsContext.Offer(_ssl, value);
            }
        }
    } = [];

    /// <summary>Where the sessions go that the server lets us continue; null for nowhere.</summary>
    public ClientSessions? Sessions { get; init; }

    /// <summary>What a client said first, as far as the handshake came; empty once it went well.</summary>
    public Span<byte> ReceivedHello => _hello is null ? default : _hello.Bytes.AsSpan(0, _helloLength);

    /// <summary>The owner gives the handshake up: it ends where it waits for its turn, too.</summary>
    public void CancelHandshake() => _isCancelled = true;

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

    private HandshakeResult? Step()
    {
        LibCrypto.ClearErrors();
        var done = LibSsl.DoHandshake(_ssl);
        var error = done == 1 ? LibSsl.ErrorNone : LibSsl.GetError(_ssl, done);
        if (error is not (LibSsl.ErrorNone or LibSsl.ErrorWantRead))
        {
            Failure = OpenSslErrors.Take();
        }

        SendReplies();
        switch (error)
        {
            case LibSsl.ErrorNone:
                IsEstablished = true;
                HasPeerCertificate = LibSsl.PeekPeerCertificate(_ssl) != 0;
                DropHello();
                _hasBuffered = LibSsl.HasPending(_ssl) != 0;
                return HandshakeResult.Done;
            case LibSsl.ErrorWantRead:
                return null;
            default:
                return _connection.IsPeerClosed && Failure.Length == 0 ? HandshakeResult.Disconnected : HandshakeResult.Failed;
        }
    }

    /// <summary>What a client said first is told where the handshake fails, and forgotten where it goes well.</summary>
    private void KeepHello(ReadOnlySpan<byte> bytes)
    {
        _hello ??= _connection.Worker.Blocks.Rent(BlockPool.Medium);
        var count = Math.Min(bytes.Length, _hello.Bytes.Length - _helloLength);
        bytes[..count].CopyTo(_hello.Bytes.AsSpan(_helloLength));
        _helloLength += count;
    }

    private void DropHello()
    {
        if (_hello is not null)
        {
            _connection.Worker.Blocks.Return(_hello);
            _hello = null;
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>TLS on a connection: one session of the library, which reads from and writes to the connection's socket.</summary>
internal sealed unsafe partial class TlsSocket : SecureLayer
{
    /// <summary>As in BoringSSL.</summary>
    private const int MaxRecordsWithoutPayload = 32;

    /// <summary>Queued output above which nothing is answered any more that the peer asked for without payload.</summary>
    private const int MaxPendingReplies = 4 * LoopStream.HighWaterMark;

    private readonly Connection _connection;
    private readonly GCHandle _self;
    private nint _ssl;
    private bool _isEndSealed;
    private bool _hasEnded;
    private bool _hasBuffered;
    private bool _isDry;
    private bool _sawFin;
    private bool _isCancelled;
    private Block? _hello;
    private int _helloLength;

    /// <summary>Puts TLS on a connection.</summary>
    /// <param name="connection">Owns it from here on.</param>
    /// <param name="context">Settings of our side.</param>
    public TlsSocket(Connection connection, TlsContext context)
    {
        _connection = connection;
        Context = context;
        _self = GCHandle.Alloc(this);
        _ssl = context.NewSession();
        var handle = GCHandle.ToIntPtr(_self);
        _ = LibSsl.SetExtraData(_ssl, 0, handle);
        var bio = TlsBio.Create(handle);
        LibSsl.SetBio(_ssl, bio, bio);
        if (context.IsServer)
        {
            LibSsl.SetAcceptState(_ssl);
        }
        else
        {
            LibSsl.SetConnectState(_ssl);
        }

        connection.Layer = this;
    }

    /// <summary>What our side offers and demands.</summary>
    public TlsContext Context { get; }

    /// <summary>True from the end of the handshake to that of the connection.</summary>
    public bool IsEstablished { get; private set; }

    /// <summary>Why the handshake failed, in the library's words; empty for none.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>What the verification of the peer's certificate found; null where none was presented, or the session was resumed.</summary>
    public PeerVerdict? Verdict { get; set; }

    /// <summary>A name that the peer's certificate must have besides what the context demands; null for none. Set before the handshake.</summary>
    public string? DemandedHost { get; init; }

    /// <summary>What the peer presented, also in the session that this one continues; null for nothing. Read once and kept.</summary>
    public PeerCertificate? Peer
    {
        get
        {
            if (field is null && _ssl != 0 && HasPeerCertificate && LibSsl.GetPeerCertificate(_ssl) is var certificate and not 0)
            {
                field = PeerCertificate.Of(certificate);
                LibCrypto.CertificateFree(certificate);
            }

            return field;
        }
    }

    /// <summary>The peer's certificate and those that it sent behind it; empty for none.</summary>
    public IReadOnlyList<PeerCertificate> PeerChain => field ??= ReadChain();

    /// <summary>What we presented; null for nothing. Read once and kept.</summary>
    public PeerCertificate? Local
    {
        get
        {
            if (field is null && _ssl != 0 && LibSsl.GetOwnCertificate(_ssl) is var certificate and not 0)
            {
                field = PeerCertificate.Of(certificate);
            }

            return field;
        }
    }

    /// <summary>What became of a client's wish for an OCSP response.</summary>
    public StapleOutcome Staple { get; set; }

    /// <summary>What the connection manager tells upstreams of the client's certificate, once it is composed.</summary>
    public byte[]? ForwardedElement { get; set; }

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

    /// <summary>True where the peer presented a certificate, now or in the session that this one continues.</summary>
    public bool HasPeerCertificate { get; private set; }

    /// <summary>True where the peer's certificate was found good in this handshake; that of a session that is continued is not looked at again.</summary>
    public bool IsPeerValidated => Verdict is { Fault: PeerFault.None } && Context.Verifier!.IsDemanding;

    /// <summary>True for TLS 1.3.</summary>
    public bool IsTls13 => _ssl != 0 && LibSsl.VersionNumber(_ssl) == LibSsl.Tls13;

    /// <summary>True where the session continues an earlier one.</summary>
    public bool IsResumed => _ssl != 0 && LibSsl.SessionReused(_ssl) != 0;

    /// <summary>The protocol that was agreed on by ALPN; empty for none.</summary>
    public string AlpnProtocol
    {
        get
        {
            byte* data = null;
            uint length = 0;
            if (_ssl == 0)
            {
                return "";
            }

            LibSsl.GetAlpnSelected(_ssl, &data, &length);
            return data == null ? "" : Encoding.ASCII.GetString(data, (int)length);
        }
    }

    /// <summary>The server name that the client asked for; null for none.</summary>
    public string? ServerName => _ssl == 0 ? null : Marshal.PtrToStringUTF8((nint)LibSsl.GetServerName(_ssl, 0));

    /// <summary>The version in the library's words, such as <c>TLSv1.3</c>.</summary>
    public string Version => field ??= _ssl == 0 ? "" : Marshal.PtrToStringUTF8((nint)LibSsl.GetVersion(_ssl)) ?? "";

    /// <summary>The cipher suite in the library's words; empty before there is one.</summary>
    public string Cipher => field ??= _ssl != 0 && LibSsl.GetCurrentCipher(_ssl) is var cipher and not 0 ? Marshal.PtrToStringUTF8((nint)LibSsl.CipherName(cipher)) ?? "" : "";

    /// <summary>The group that the keys were agreed on in, such as <c>X25519</c>; empty before there is one.</summary>
    public string Group => field ??= _ssl == 0 ? "" : KeyExchangeGroups.Of(_ssl);

    /// <inheritdoc/>
    public override bool HasBufferedInput => _hasBuffered;

    /// <inheritdoc/>
    public override bool EndedUnannounced => _sawFin && !_hasEnded;

    /// <summary>The session of the library; 0 once released.</summary>
    internal nint Handle => _ssl;

    /// <summary>The object behind a session of the library; for what it calls.</summary>
    internal static TlsSocket Of(nint ssl) => Unsafe.As<TlsSocket>(GCHandle.FromIntPtr(LibSsl.GetExtraData(ssl, 0)).Target!);

    /// <summary>The owner gives the handshake up: it ends where it waits for its turn, too.</summary>
    public void CancelHandshake() => _isCancelled = true;

    /// <summary>Keeps what logs ask for beyond the end of the connection.</summary>
    public void KeepFacts() => _ = (Version, Cipher, Group, Peer, Local);

    /// <inheritdoc/>
    public override int Receive(Span<byte> buffer)
    {
        if (_hasEnded)
        {
            return Connection.EndOfStream;
        }

        var count = Read(buffer, isPeek: false, out var result);
        if (count <= 0)
        {
            return result;
        }

        // What the library has read ahead raises no event of the socket any more.
        _hasBuffered = LibSsl.HasPending(_ssl) != 0;
        return count;
    }

    /// <inheritdoc/>
    public override bool HasUnreadInput(bool orEnd)
    {
        if (_hasEnded)
        {
            return orEnd;
        }

        byte probe = 0;
        if (Read(new Span<byte>(ref probe), isPeek: true, out var result) > 0)
        {
            _hasBuffered = true;
            return true;
        }

        return result != Connection.WouldBlock && orEnd;
    }

    /// <inheritdoc/>
    public override bool Seal(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (second.IsEmpty)
        {
            return Write(first);
        }

        // A head and what fits of the body behind it share a record.
        var record = _connection.Worker.Sealed.Record;
        if (first.Length < record.Length)
        {
            var joined = Math.Min(second.Length, record.Length - first.Length);
            first.CopyTo(record);
            second[..joined].CopyTo(record.AsSpan(first.Length));
            return Write(record.AsSpan(0, first.Length + joined)) && Write(second[joined..]);
        }

        return Write(first) && Write(second);
    }

    /// <inheritdoc/>
    public override void SealEnd()
    {
        if (IsEstablished && !_isEndSealed)
        {
            _isEndSealed = true;
            LibCrypto.ClearErrors();
            if (LibSsl.Shutdown(_ssl) < 0)
            {
                LibCrypto.ClearErrors();
            }
        }
    }

    /// <inheritdoc/>
    public override void Release()
    {
        if (_ssl != 0)
        {
            // A connection that ended without the announcement is no reason not to resume its session (as in BoringSSL, unlike RFC 2246).
            LibSsl.SetShutdown(_ssl, LibSsl.SentShutdown | LibSsl.ReceivedShutdown);
            LibSsl.Free(_ssl);
            _ssl = 0;
            _self.Free();
            DropHello();
        }
    }

    /// <summary>For the library: reads from the socket.</summary>
    internal int ReadSealed(Span<byte> buffer)
    {
        var count = _connection.ReceiveSealed(buffer);
        _isDry = count == Connection.WouldBlock;
        _sawFin |= count == Connection.EndOfStream;
        if (!IsEstablished && count > 0 && Context.IsServer)
        {
            KeepHello(buffer[..count]);
        }

        return count;
    }

    /// <summary>For the library: what it has sealed.</summary>
    internal void WriteSealed(ReadOnlySpan<byte> bytes) => _connection.Worker.Sealed.Append(_connection, bytes);

    private List<PeerCertificate> ReadChain()
    {
        if (Peer is not { } leaf || _ssl == 0)
        {
            return [];
        }

        var chain = new List<PeerCertificate> { leaf };
        var stack = LibSsl.GetPeerChain(_ssl);
        for (var i = 0; stack != 0 && i < LibCrypto.StackCount(stack); i++)
        {
            // On our side of a server the leaf is not among them, on the other it is.
            var certificate = PeerCertificate.Of(LibCrypto.StackValue(stack, i));
            if (!certificate.Der.AsSpan().SequenceEqual(leaf.Der))
            {
                chain.Add(certificate);
            }
        }

        return chain;
    }

    /// <summary>
    /// Reads payload, over records that hold none. A peer that sends too many of those in a row (key updates, empty records, attempts to renegotiate) would
    /// keep the worker busy, and one that reads no answers would have them pile up: it is cut off, as by the library that Envoy uses.
    /// </summary>
    private int Read(Span<byte> buffer, bool isPeek, out int result)
    {
        for (var records = 0; records < MaxRecordsWithoutPayload; records++)
        {
            int count;
            LibCrypto.ClearErrors();
            _isDry = false;
            fixed (byte* start = buffer)
            {
                count = isPeek ? LibSsl.Peek(_ssl, start, buffer.Length) : LibSsl.Read(_ssl, start, buffer.Length);
            }

            if (SendReplies() > 0 && _connection.PendingOutput > MaxPendingReplies)
            {
                break;
            }

            if (count > 0)
            {
                result = count;
                return count;
            }

            result = Explain(count);
            if (result != Connection.WouldBlock || _isDry)
            {
                return count;
            }
        }

        Failure = "too many records without payload";
        _connection.Break();
        _hasBuffered = true;
        result = Connection.Broken;
        return -1;
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

    private bool Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count;
            LibCrypto.ClearErrors();
            fixed (byte* start = bytes)
            {
                count = LibSsl.Write(_ssl, start, bytes.Length);
            }

            if (count <= 0)
            {
                Failure = OpenSslErrors.Take();
                _connection.Break();
                return false;
            }

            bytes = bytes[count..];
        }

        return true;
    }

    /// <summary>Reading may have something to say: the next flight of a handshake, an answer to a key update, an alert. Nothing of it may wait for another connection's turn.</summary>
    private int SendReplies() => _connection.Worker.Sealed.SendAll(_connection, Native.MsgNoSignal);

    /// <summary>What a read that gave nothing means.</summary>
    private int Explain(int result)
    {
        _hasBuffered = false;
        switch (LibSsl.GetError(_ssl, result))
        {
            case LibSsl.ErrorWantRead:
                return Connection.WouldBlock;
            case LibSsl.ErrorZeroReturn:
                _hasEnded = _hasBuffered = true;
                return Connection.EndOfStream;
            default:
                Failure = OpenSslErrors.Take();
                _connection.Break();
                return Connection.Broken;
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeProxyNet.Proxy.Tls.OpenSsl;
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

    /// <inheritdoc/>
    public override bool HasBufferedInput => _hasBuffered;

    /// <inheritdoc/>
    public override bool EndedUnannounced => _sawFin && !_hasEnded;

    /// <summary>The session of the library; 0 once released.</summary>
    internal nint Handle => _ssl;

    /// <summary>The object behind a session of the library; for what it calls.</summary>
    internal static TlsSocket Of(nint ssl) => Unsafe.As<TlsSocket>(GCHandle.FromIntPtr(LibSsl.GetExtraData(ssl, 0)).Target!);

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

using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>Bytes to frames. Only what is left of a frame at the end of what was received is kept.</content>
internal abstract partial class Http2Connection
{
    /// <summary>What a client sends first (RFC 9113 section 3.4).</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Length of the preface's first line, by which it is told from a request of HTTP/1.</summary>
    public const int PrefaceLineLength = 16;

    private Block? _held;
    private int _heldLength;
    private int _prefaceRead;
    private bool _hasSettings;
    private int _dataLeft;
    private int _paddingLeft;
    private bool _dataEnds;
    private int _dataStreamId;
    private long _framesTaken;

    /// <summary>
    /// What has begun to come and is not whole: names the frame or, as a negative number, the stream whose field block is open. 0 for nothing. Payload of DATA does
    /// not count: it is taken as it comes.
    /// </summary>
    protected long Unfinished => _blockStreamId != 0 ? -_blockStreamId : _held is not null ? _framesTaken + 1 : 0;

    /// <summary>Reads until the connection ends. The peer's end, a failure or <see cref="End"/> ends it.</summary>
    protected async LoopTask ReadAsync()
    {
        var turn = default(TurnBudget);
        while (!IsOver)
        {
            var count = Receive();
            if (count > 0)
            {
                turn.Spend(count);
                _keepalive?.OnReceived();
                AfterFrames();
                if (turn.IsSpent)
                {
                    turn.Renew();
                    await Worker.NextTurn();
                }
            }
            else if (count != Connection.WouldBlock)
            {
                OnPeerEnd();
                End(byPeer: true);
            }
            else
            {
                turn.Renew();
                await Connection.Readable();
            }
        }
    }

    /// <summary>Works through bytes that were received before.</summary>
    protected void Take(ReadOnlySpan<byte> bytes)
    {
        Keep(bytes[Process(bytes)..]);
        AfterFrames();
    }

    /// <summary>What was received has been worked through.</summary>
    protected virtual void AfterFrames()
    {
    }

    /// <summary>The peer sends no more.</summary>
    protected virtual void OnPeerEnd()
    {
    }

    private int Receive()
    {
        if (_held is { } held)
        {
            var more = Connection.Receive(held.Bytes.AsSpan(_heldLength));
            if (more > 0)
            {
                _heldLength += more;
                var used = Process(held.Bytes.AsSpan(0, _heldLength));
                _held = null;
                var left = held.Bytes.AsSpan(used, _heldLength - used);
                _heldLength = 0;
                Keep(left);
                Worker.Blocks.Return(held);
            }

            return more;
        }

        var buffer = Worker.FrameBuffer;
        var count = Connection.Receive(buffer);
        if (count > 0)
        {
            var used = Process(buffer.AsSpan(0, count));
            Keep(buffer.AsSpan(used, count - used));
        }

        return count;
    }

    private void Keep(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty || IsOver)
        {
            return;
        }

        // The rest of a frame, and with it at most the beginning of one more.
        var needed = rest.Length < FrameHeader.Size ? BlockPool.Small : Math.Max(rest.Length + 1, FrameHeader.Size + FrameHeader.Read(rest).Length);
        _held = Worker.Blocks.Rent(needed);
        rest.CopyTo(_held.Bytes);
        _heldLength = rest.Length;
    }

    private void ReturnInput()
    {
        if (_held is { } held)
        {
            _held = null;
            Worker.Blocks.Return(held);
        }

        if (_block is { } block)
        {
            _block = null;
            Worker.Blocks.Return(block);
        }
    }

    /// <summary>Takes whole frames, and payload of DATA also in parts. Returns how many bytes were used.</summary>
    private int Process(ReadOnlySpan<byte> bytes)
    {
        var length = bytes.Length;
        if (IsServer && _prefaceRead < Preface.Length && !TakePreface(ref bytes))
        {
            return length;
        }

        while (!IsOver)
        {
            if (_dataLeft + _paddingLeft > 0)
            {
                if (bytes.IsEmpty)
                {
                    break;
                }

                TakeData(ref bytes);
                continue;
            }

            if (bytes.Length < FrameHeader.Size)
            {
                break;
            }

            var header = FrameHeader.Read(bytes);
            if (!IsAcceptable(header))
            {
                break;
            }

            if (header.Type == FrameType.Data)
            {
                var start = FrameHeader.Size + (header.Has(FrameFlags.Padded) && header.Length > 0 ? 1 : 0);
                if (bytes.Length < start)
                {
                    break;
                }

                var padding = start > FrameHeader.Size ? bytes[FrameHeader.Size] : (byte)0;
                bytes = bytes[start..];
                _framesTaken++;
                BeginData(header, padding);
                continue;
            }

            if (bytes.Length < FrameHeader.Size + header.Length)
            {
                break;
            }

            _framesTaken++;
            OnFrame(header, bytes.Slice(FrameHeader.Size, header.Length));
            bytes = bytes[(FrameHeader.Size + header.Length)..];
        }

        return length - bytes.Length;
    }

    private bool TakePreface(ref ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, Preface.Length - _prefaceRead);
        if (!bytes[..count].SequenceEqual(Preface.Slice(_prefaceRead, count)))
        {
            Fail(Http2ErrorCode.ProtocolError, "the connection does not begin with the preface of HTTP/2");
            return false;
        }

        _prefaceRead += count;
        bytes = bytes[count..];
        return _prefaceRead == Preface.Length;
    }

    /// <summary>Judges a header before its payload is waited for.</summary>
    private bool IsAcceptable(in FrameHeader header)
    {
        if (!_hasSettings && (header.Type != FrameType.Settings || header.Has(FrameHeader.Ack)))
        {
            Fail(Http2ErrorCode.ProtocolError, "the first frame is not SETTINGS");
        }
        else if (header.Length > FrameHeader.MaxLength)
        {
            Fail(Http2ErrorCode.FrameSizeError, "a frame is longer than SETTINGS_MAX_FRAME_SIZE");
        }
        else if (_blockStreamId != 0 && (header.Type != FrameType.Continuation || header.StreamId != _blockStreamId))
        {
            Fail(Http2ErrorCode.ProtocolError, "another frame stands inside a field block");
        }

        return !IsOver;
    }
}

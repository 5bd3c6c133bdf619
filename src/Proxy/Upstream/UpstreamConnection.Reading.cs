using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <content>Reading a response: its head, and the body behind it.</content>
internal sealed partial class UpstreamConnection
{
    /// <summary>
    /// Reads what is there of a head, without waiting; where it needs more, what came is kept over the wait. Interim responses (1xx) come out
    /// like any other; go on with <see cref="NextHead"/>.
    /// </summary>
    public override UpstreamRead TryReadHead()
    {
        while (true)
        {
            if (_inputEnd > _inputStart)
            {
                switch (_parser.Parse(_input, _inputEnd))
                {
                    case ParseStatus.Done:
                        _inputStart = _parser.HeadEnd;
                        _isHeadInUse = true;
                        return UpstreamRead.Ready;
                    case ParseStatus.Failed:
                        ProtocolError = _parser.Error;
                        return UpstreamRead.Malformed;
                }
            }

            if (_inputEnd == _input.Length)
            {
                GrowHeld();
            }

            var count = Connection.Receive(_input.AsSpan(_inputEnd, Math.Min(_input.Length - _inputEnd, Math.Min(FirstRead, MaxRead))));
            if (count > 0)
            {
                FirstByteMs = FirstByteMs == 0 ? Connection.Worker.NowMs : FirstByteMs;
                _inputEnd += count;
                continue;
            }

            if (count != Connection.WouldBlock)
            {
                return UpstreamRead.Disconnected;
            }

            HoldInput();
            return UpstreamRead.NeedMore;
        }
    }

    /// <summary>Skips an interim response and gets ready for the head behind it. The bytes of the skipped head are gone.</summary>
    public override void NextHead()
    {
        _input.AsSpan(_inputStart, _inputEnd - _inputStart).CopyTo(_input);
        _inputEnd -= _inputStart;
        _inputStart = 0;
        FirstByteMs = _inputEnd > 0 ? Connection.Worker.NowMs : 0;
        _parser.Begin(0);
    }

    /// <summary>Settles how the body of the head just read is framed.</summary>
    public override void BeginBody(bool isHead)
    {
        Framing = _parser.Framing(isHead);
        _body = BodyDecoder.For(Framing, _trailers);
    }

    /// <summary>From here on <see cref="TryReadBody"/> gives whatever the upstream sends, until its FIN completes the response.</summary>
    public override void BeginTunnel()
    {
        Framing = BodyFraming.UntilClose;
        _body = BodyDecoder.For(Framing);
    }

    /// <summary>
    /// Payload that is there now, without waiting. <paramref name="payload"/> is valid until the next suspension or call. Take all there is
    /// before suspending: what is left in the worker's receive buffer does not survive.
    /// </summary>
    /// <remarks>Where this returns <see cref="UpstreamRead.Ready"/>, <see cref="IsResponseComplete"/> tells whether that was all.</remarks>
    public override UpstreamRead TryReadBody(out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (_body.IsComplete)
        {
            return UpstreamRead.Ready;
        }

        if (_inputStart == _inputEnd)
        {
            // A secure layer gives one record at a time: the body may be there before its head was passed on, which lies in the same buffer.
            var start = _isHeadInUse && _held is null ? _inputEnd : 0;
            _input = Connection.Worker.ReceiveBuffer;
            _inputStart = _inputEnd = start;
            var count = Connection.Receive(_input.AsSpan(start, Math.Min(MaxRead, _input.Length - start)));
            if (count == Connection.WouldBlock)
            {
                return UpstreamRead.NeedMore;
            }

            if (count <= 0)
            {
                return EndBody(count);
            }

            _inputEnd += count;
        }

        var bytes = _input.AsSpan(_inputStart, _inputEnd - _inputStart);
        var length = _body.Decode(bytes, out var consumed);
        _inputStart += consumed;
        if (_body.Error != Http1Error.None)
        {
            ProtocolError = _body.Error;
            return UpstreamRead.Malformed;
        }

        payload = bytes[..length];
        return UpstreamRead.Ready;
    }

    /// <summary>Returns the block that held a head over a suspension, once the head was written on.</summary>
    public override void DropHead()
    {
        _isHeadInUse = false;
        if (_held is not null && _inputStart == _inputEnd)
        {
            Connection.Worker.Blocks.Return(_held);
            _held = null;
            _input = Connection.Worker.ReceiveBuffer;
            _inputStart = _inputEnd = 0;
        }
    }

    private void BeginHead()
    {
        _isHeadInUse = false;
        _input = Connection.Worker.ReceiveBuffer;
        _inputStart = _inputEnd = 0;
        _parser.Begin(0);
    }

    private UpstreamRead EndBody(int received)
    {
        if (received == Connection.EndOfStream)
        {
            _body.EndOfStream();
        }

        return _body.IsComplete ? UpstreamRead.Ready : UpstreamRead.Disconnected;
    }

    /// <summary>Moves an unfinished head out of the worker's receive buffer, which others use while this one waits.</summary>
    private void HoldInput()
    {
        if (_held is not null || _inputEnd == 0)
        {
            return;
        }

        _held = Connection.Worker.Blocks.Rent(_inputEnd);
        _input.AsSpan(0, _inputEnd).CopyTo(_held.Bytes);
        _input = _held.Bytes;
    }

    private void GrowHeld()
    {
        var blocks = Connection.Worker.Blocks;
        var larger = blocks.Rent(_input.Length < BlockPool.Medium ? BlockPool.Medium : BlockPool.Large);
        _input.AsSpan(0, _inputEnd).CopyTo(larger.Bytes);
        if (_held is not null)
        {
            blocks.Return(_held);
        }

        _held = larger;
        _input = larger.Bytes;
    }
}

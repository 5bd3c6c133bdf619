using KubeProxyNet.Proxy.Http.Http2.Frames;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>
/// Payload that comes, and the windows that bound it (RFC 9113 section 5.2). A stream's window opens as its reader takes bytes; the connection's opens as bytes come,
/// as long as no more are unread than may be.
/// </content>
internal abstract partial class Http2Connection
{
    private int _receiveWindow;
    private int _buffered;

    private void BeginData(in FrameHeader header, byte padding)
    {
        var isPadded = header.Has(FrameFlags.Padded);
        if (header.StreamId == 0)
        {
            Fail(Http2ErrorCode.ProtocolError, "DATA on stream 0");
            return;
        }

        if (isPadded && (header.Length == 0 || padding >= header.Length))
        {
            Fail(header.Length == 0 ? Http2ErrorCode.FrameSizeError : Http2ErrorCode.ProtocolError, "padding is longer than its frame");
            return;
        }

        _receiveWindow -= header.Length;
        if (_receiveWindow < 0)
        {
            Fail(Http2ErrorCode.FlowControlError, "more DATA than the window of the connection allows");
            return;
        }

        _dataStreamId = header.StreamId;
        _dataEnds = header.Has(FrameFlags.EndStream);
        _paddingLeft = padding;
        _dataLeft = header.Length - padding - (isPadded ? 1 : 0);
        if (!_streams.TryGetValue(header.StreamId, out var stream))
        {
            JudgeDataWithoutStream(header.StreamId);
            return;
        }

        if (_dataLeft > 0)
        {
            _guard.OnFullFrame();
        }
        else if (!_dataEnds && !_guard.OnEmptyFrame())
        {
            FailByGuard();
            return;
        }
        else if (stream.ResetCode is not null && !Charge(Http2Guard.Ping))
        {
            return;
        }

        if (stream.IsRemoteEnded)
        {
            // Section 5.1, "half-closed (remote)".
            ResetForPeer(stream, Http2ErrorCode.StreamClosed);
        }
        else if (stream.ResetCode is null)
        {
            stream.ReceiveWindow -= header.Length;
            if (stream.ReceiveWindow < -Overdraft && header.Length > 0)
            {
                ResetForPeer(stream, Http2ErrorCode.FlowControlError);
            }
            else if (!stream.HasHead)
            {
                OnMalformed(stream, "DATA before the head");
            }
            else if (stream.ExpectedBytes >= 0 && (_dataLeft > stream.ExpectedBytes || (_dataEnds && _dataLeft < stream.ExpectedBytes)))
            {
                OnMalformed(stream, "content-length and the length of DATA differ");
            }
        }

        if (_dataLeft + _paddingLeft == 0)
        {
            EndData();
        }
    }

    private void TakeData(ref ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, _dataLeft);
        if (count > 0)
        {
            _dataLeft -= count;
            if (_streams.TryGetValue(_dataStreamId, out var stream) && stream is { ResetCode: null, IsRemoteEnded: false })
            {
                // Also where nobody reads it any more: its length is judged all the same.
                stream.ExpectedBytes -= stream.ExpectedBytes >= 0 ? count : 0;
                if (stream.Owner is not null)
                {
                    _buffered += count;
                    stream.Take(bytes[..count]);
                }
            }

            bytes = bytes[count..];
        }

        var padding = Math.Min(bytes.Length, _paddingLeft);
        _paddingLeft -= padding;
        bytes = bytes[padding..];
        if (_dataLeft + _paddingLeft == 0)
        {
            EndData();
        }
    }

    private void EndData()
    {
        if (_dataEnds && _streams.TryGetValue(_dataStreamId, out var stream) && stream is { ResetCode: null, IsRemoteEnded: false })
        {
            stream.TakeEnd();
            CloseIfDone(stream);
        }

        CreditConnection();
    }

    private void JudgeDataWithoutStream(int id)
    {
        if (IsIdle(id) || !_guard.MayStillSend(id))
        {
            Fail(IsIdle(id) ? Http2ErrorCode.ProtocolError : Http2ErrorCode.StreamClosed, "DATA on a stream that may not be used");
        }
        else if (_dataLeft + _paddingLeft == 0 && Charge(Http2Guard.Ping))
        {
            EndData();
        }
    }

    /// <summary>A message breaks the rules of section 8.1.1.</summary>
    protected void OnMalformed(Http2Stream stream, string what)
    {
        Worker.Stats.Increment(Stats.RxMessagingError);
        OnInvalidMessage(stream);
        if (Options.EndsOnlyStreamOfInvalidMessage)
        {
            ResetForPeer(stream, Http2ErrorCode.ProtocolError);
        }
        else
        {
            Fail(Http2ErrorCode.ProtocolError, what);
        }
    }

    /// <summary>A message has turned out malformed, and is about to end.</summary>
    protected virtual void OnInvalidMessage(Http2Stream stream)
    {
    }

    /// <summary>A reader has taken bytes.</summary>
    public void OnConsumed(Http2Stream stream, int count)
    {
        _buffered -= count;
        if (stream.WindowTarget < _windowNeeded && stream.Unread == 0)
        {
            Grow(stream);
        }

        CreditStream(stream);
        CreditConnection();
    }

    private void CreditStream(Http2Stream stream)
    {
        var share = ShareOf(stream);
        var credit = share - stream.Unread - stream.ReceiveWindow;
        if (!IsOver && credit >= share / 2 && !stream.IsRemoteEnded && stream.ResetCode is null)
        {
            stream.ReceiveWindow += credit;
            WriteWindowUpdate(stream.Id, credit);
            MeasureRoundTrip();
        }

        CountClaim(stream);
    }

    private void CreditConnection()
    {
        Share();
        var target = ConnectionWindow;
        var credit = Math.Clamp(MostUnread - _buffered, 0, target) - _receiveWindow;

        // Little is given only where little is left to give: what is unread stands in the way of more.
        if (!IsOver && (credit >= target / 2 || (_receiveWindow < target / 8 && credit >= (_sharing == Sharing.Tight ? _floor : target / 16))))
        {
            _receiveWindow += (int)credit;
            WriteWindowUpdate(0, (int)credit);
        }
    }
}

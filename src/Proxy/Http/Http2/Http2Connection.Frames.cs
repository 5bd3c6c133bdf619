using System.Buffers.Binary;
using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>What each kind of frame does (RFC 9113 section 6).</content>
internal abstract partial class Http2Connection
{
    private const int PingSize = 8;
    private const int PriorityFieldsSize = 5;

    private bool _isAcknowledged;

    private void OnFrame(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Headers:
                OnHeaders(header, payload);
                break;
            case FrameType.Continuation:
                OnContinuation(header, payload);
                break;
            case FrameType.RstStream:
                OnRstStream(header, payload);
                break;
            case FrameType.Settings:
                OnSettings(header, payload);
                break;
            case FrameType.Ping:
                OnPing(header, payload);
                break;
            case FrameType.GoAway:
                OnGoAway(header, payload);
                break;
            case FrameType.WindowUpdate:
                OnWindowUpdate(header, payload);
                break;
            case FrameType.Priority:
                OnPriority(header);
                break;
            case FrameType.PriorityUpdate:
                OnPriorityUpdate(header, payload);
                break;
            case FrameType.PushPromise:
                // Section 6.6: a client never pushes, and a server was told not to.
                Fail(Http2ErrorCode.ProtocolError, "PUSH_PROMISE was not allowed");
                break;
            default:
                // Section 4.1: frames of other kinds are passed over. They cost us as much as they cost the peer, unless there are very many.
                Charge(header.Length == 0 ? Http2Guard.Ping : 0);
                break;
        }
    }

    /// <summary>True for a stream that nobody has opened (section 5.1.1).</summary>
    private bool IsIdle(int id) => (id & 1) == (IsServer ? 1 : 0) ? id > _lastPeerStreamId : id > LastOwnStreamId;

    /// <summary>Largest identifier of a stream that this end has opened; 0 for none.</summary>
    protected virtual int LastOwnStreamId => 0;

    private void OnRstStream(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != sizeof(uint))
        {
            Fail(Http2ErrorCode.FrameSizeError, "RST_STREAM has another length than 4");
            return;
        }

        if (header.StreamId == 0 || IsIdle(header.StreamId))
        {
            Fail(Http2ErrorCode.ProtocolError, "RST_STREAM on a stream that is idle");
            return;
        }

        Worker.Stats.Increment(Stats.RxReset);
        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload);
        if (code == Http2ErrorCode.RefusedStream)
        {
            Worker.Stats.Increment(Stats.StreamRefusedErrors);
        }

        if (_streams.TryGetValue(header.StreamId, out var stream) && stream.ResetCode is null)
        {
            if (IsServer && !_guard.OnReset())
            {
                FailByGuard();
                return;
            }

            // A whole answer stays one: a server that needs no more of the request says NO_ERROR behind it (section 8.1).
            if (!IsServer && stream.IsRemoteEnded && code == Http2ErrorCode.NoError)
            {
                Unschedule(stream);
                stream.StopSending();
                CloseIfDone(stream);
                return;
            }

            Unschedule(stream);
            stream.End(code, byPeer: true);
            CloseIfDone(stream);
        }
        else
        {
            Charge(Http2Guard.Point);
        }
    }

    private void OnSettings(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0)
        {
            Fail(Http2ErrorCode.ProtocolError, "SETTINGS on a stream");
            return;
        }

        if (header.Has(FrameHeader.Ack))
        {
            if (!payload.IsEmpty)
            {
                Fail(Http2ErrorCode.FrameSizeError, "SETTINGS with ACK has a payload");
                return;
            }

            // What we announced holds from here on.
            if (_unacknowledgedSettings == 0)
            {
                Charge(Http2Guard.Point);
                return;
            }

            if (!_isAcknowledged)
            {
                _isAcknowledged = true;
                _decoder.OnSettingsAcknowledged();
            }

            OnSettingsAcknowledged();
            return;
        }

        if (payload.Length % PeerSettings.EntrySize != 0)
        {
            Fail(Http2ErrorCode.FrameSizeError, "SETTINGS does not consist of whole entries");
            return;
        }

        var window = Peer.InitialWindowSize;
        var error = Peer.Apply(payload, fromServer: !IsServer);
        if (error != Http2ErrorCode.NoError)
        {
            Fail(error, "a setting has a value that it cannot have");
            return;
        }

        _encoder.SetPeerTableSize(Peer.SmallestHeaderTableSize);
        _encoder.SetPeerTableSize(Peer.HeaderTableSize);
        if (!TryMoveWindows(Peer.InitialWindowSize - window))
        {
            Fail(Http2ErrorCode.FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE brings a window beyond 2^31 - 1");
            return;
        }

        WriteSettingsAck();
        if (_hasSettings && !Charge(5 * Http2Guard.Point))
        {
            return;
        }

        _hasSettings = true;
        OnSettings();
    }

    private void OnPing(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0)
        {
            Fail(Http2ErrorCode.ProtocolError, "PING on a stream");
        }
        else if (payload.Length != PingSize)
        {
            Fail(Http2ErrorCode.FrameSizeError, "PING has another length than 8");
        }
        else if (header.Has(FrameHeader.Ack))
        {
            var data = BinaryPrimitives.ReadUInt64BigEndian(payload);
            if (data == KeepaliveTimer.Data && _keepalive is { IsAwaiting: true } keepalive)
            {
                keepalive.OnAnswer();
            }
            else if (data == RoundTripPing && _isMeasuring)
            {
                EndRoundTrip();
            }
            else if (Charge(Http2Guard.Ping))
            {
                OnPong(data);
            }
        }
        else if (Charge(Http2Guard.Ping))
        {
            WritePing(BinaryPrimitives.ReadUInt64BigEndian(payload), FrameHeader.Ack);
        }
    }

    private void OnGoAway(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        const int FixedSize = 8;
        if (header.StreamId != 0)
        {
            Fail(Http2ErrorCode.ProtocolError, "GOAWAY on a stream");
        }
        else if (payload.Length < FixedSize)
        {
            Fail(Http2ErrorCode.FrameSizeError, "GOAWAY is too short");
        }
        else if (!HasGoneAway || Charge(Http2Guard.Point))
        {
            HasGoneAway = true;
            OnGoAway(
                (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & FrameHeader.MaxStreamId), (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]));
        }
    }

    private void OnWindowUpdate(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != sizeof(uint))
        {
            Fail(Http2ErrorCode.FrameSizeError, "WINDOW_UPDATE has another length than 4");
            return;
        }

        if (!_guard.OnWindowUpdate())
        {
            FailByGuard();
            return;
        }

        var increment = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & FrameHeader.MaxStreamId);
        if (header.StreamId == 0)
        {
            if (increment == 0)
            {
                Fail(Http2ErrorCode.ProtocolError, "WINDOW_UPDATE adds nothing");
            }
            else if (_sendWindow + increment > Http2Options.MaxWindow)
            {
                Fail(Http2ErrorCode.FlowControlError, "the window of the connection goes beyond 2^31 - 1");
            }
            else
            {
                var wasShut = _sendWindow <= 0;
                _sendWindow += increment;
                ScheduleAtTurnEnd();
                if (wasShut && IsFull)
                {
                    WakeWriters();
                }
            }
        }
        else if (_streams.TryGetValue(header.StreamId, out var stream))
        {
            if (stream.ResetCode is not null)
            {
                return;
            }

            if (increment == 0 || stream.SendWindow + increment > Http2Options.MaxWindow)
            {
                ResetForPeer(stream, increment == 0 ? Http2ErrorCode.ProtocolError : Http2ErrorCode.FlowControlError);
                return;
            }

            stream.SendWindow += increment;
            Schedule(stream);
            stream.WakeWriter();
        }
        else if (IsIdle(header.StreamId))
        {
            Fail(Http2ErrorCode.ProtocolError, "WINDOW_UPDATE on a stream that is idle");
        }
    }

    private void OnPriority(in FrameHeader header)
    {
        if (header.StreamId == 0)
        {
            Fail(Http2ErrorCode.ProtocolError, "PRIORITY on stream 0");
        }
        else if (!_guard.OnPriority())
        {
            FailByGuard();
        }
        else if (header.Length != PriorityFieldsSize)
        {
            if (_streams.TryGetValue(header.StreamId, out var stream))
            {
                ResetForPeer(stream, Http2ErrorCode.FrameSizeError);
            }
            else
            {
                Fail(Http2ErrorCode.FrameSizeError, "PRIORITY has another length than 5");
            }
        }
    }

    private void OnPriorityUpdate(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        // RFC 9218 section 7.1.
        if (header.StreamId != 0 || !IsServer)
        {
            Fail(Http2ErrorCode.ProtocolError, "PRIORITY_UPDATE on a stream, or from a server");
        }
        else if (payload.Length < sizeof(uint))
        {
            Fail(Http2ErrorCode.FrameSizeError, "PRIORITY_UPDATE is too short");
        }
        else if (!_guard.OnPriority())
        {
            FailByGuard();
        }
        else
        {
            var id = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & FrameHeader.MaxStreamId);
            if ((id & 1) == 0)
            {
                Fail(Http2ErrorCode.ProtocolError, "PRIORITY_UPDATE of stream 0, or of one that only a server could open");
            }
            else if (_streams.TryGetValue(id, out var stream))
            {
                Prioritize(stream, payload[sizeof(uint)..]);
            }
        }
    }

    /// <summary>Ends a stream because of what the peer did with it: such streams are made at our cost, so they are counted like those that it resets itself.</summary>
    protected void ResetForPeer(Http2Stream stream, Http2ErrorCode code)
    {
        Reset(stream, code, byOwner: false);
        CloseIfDone(stream);
        if (!_guard.OnReset())
        {
            FailByGuard();
        }
    }

    /// <summary>Counts something that cost the peer nothing. False where that has ended the connection.</summary>
    protected bool Charge(int points)
    {
        if (points > 0 && !_guard.Charge(points))
        {
            FailByGuard();
            return false;
        }

        return true;
    }

    private void FailByGuard() => Fail(Http2ErrorCode.EnhanceYourCalm, _guard.Verdict);
}

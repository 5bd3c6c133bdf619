using System.Numerics;
using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>
/// Who sends payload next. What a window allows goes at once; what has to wait is sent by urgency (RFC 9218 section 10): streams that said so one after the other,
/// the others in turns of a frame.
/// </content>
internal abstract partial class Http2Connection
{
    /// <summary>Bytes that a stream may add once as many wait as may: the beginning of a response whose head goes out all the same.</summary>
    public const int QueuedBeyondBound = 512;

    /// <summary>Bytes of all streams that may wait for windows before their producers wait too, where heads leave room for as many. With what 1,024 streams may add beyond that it stays below 1 MiB.</summary>
    private const int MaxQueued = 480 * 1024;

    private readonly Http2Stream?[] _first = new Http2Stream?[PriorityField.Levels];
    private readonly Http2Stream?[] _last = new Http2Stream?[PriorityField.Levels];
    private uint _waiting;
    private long _sendWindow = Http2Options.MinWindow;
    private int _queued;
    private bool _isDraining;
    private bool _isBatching;

    /// <summary>Bytes that all streams together may send.</summary>
    public long SendWindow => _sendWindow;

    /// <summary>True where payload of a stream need not wait for what waits already, of its own or of others that go first, nor for the socket.</summary>
    public bool SendsAtOnce(Http2Stream stream) => stream.PendingOutput == 0 && (_waiting & ((2u << stream.Urgency) - 1)) == 0 && !Connection.IsBacklogged;

    /// <summary>Sends payload of a stream, as much as may go now; the rest waits. The stream's <see cref="Http2Stream.IsEnding"/> says whether it is the last.</summary>
    public void SendData(Http2Stream stream, ReadOnlySpan<byte> payload)
    {
        if (SendsAtOnce(stream))
        {
            WriteData(stream, ref payload);
        }

        if (!payload.IsEmpty)
        {
            var wasEmpty = stream.PendingOutput == 0;
            stream.Queue(payload);
            _queued += payload.Length;
            Worker.Stats.Add(Stats.PendingSendBytes, payload.Length);
            if (wasEmpty)
            {
                Schedule(stream);
            }
        }

        EndIfSent(stream);
        if (Connection.IsBacklogged)
        {
            // Whoever waits for the socket is woken when it has taken what it has.
            ScheduleAtTurnEnd();
        }
    }

    /// <summary>Ends a stream with fields, once its payload has gone.</summary>
    public void SendTrailers(Http2Stream stream, ReadOnlySpan<byte> lines)
    {
        if (stream.PendingOutput == 0)
        {
            WriteTrailers(stream, lines);
            return;
        }

        stream.Trailers = RentForFields(lines.Length);
        stream.TrailersLength = lines.Length;
        lines.CopyTo(stream.Trailers.Bytes);
    }

    /// <summary>What the priority field or a PRIORITY_UPDATE says of a stream.</summary>
    protected void Prioritize(Http2Stream stream, ReadOnlySpan<byte> value)
    {
        var wasScheduled = stream.IsScheduled;
        Unlink(stream);
        (stream.Urgency, stream.IsIncremental) = PriorityField.Read(value);
        if (wasScheduled)
        {
            Link(stream);
        }
    }

    private void WriteTrailers(Http2Stream stream, ReadOnlySpan<byte> lines)
    {
        WriteFields(stream.Id, EncodeLines(lines), end: true);
        stream.IsLocalEnded = true;
        CloseIfDone(stream);
    }

    /// <summary>Writes the end of a stream whose payload has gone.</summary>
    private void EndIfSent(Http2Stream stream)
    {
        if (!stream.IsEnding || stream.IsLocalEnded || stream.PendingOutput > 0)
        {
            return;
        }

        if (stream.Trailers is { } trailers)
        {
            WriteTrailers(stream, trailers.Bytes.AsSpan(0, stream.TrailersLength));
            stream.ReturnTrailers();
            return;
        }

        WriteFrame(0, FrameType.Data, FrameFlags.EndStream, stream.Id);
        stream.IsLocalEnded = true;
        CloseIfDone(stream);
    }

    /// <summary>Sends what waits, as far as windows and the socket take it.</summary>
    private void SendScheduled()
    {
        var wasFull = IsFull;
        _isBatching = true;
        SendWaiting();
        _isBatching = false;
        FlushBatch();
        if (wasFull && !IsFull)
        {
            WakeWriters();
        }
    }

    private void WakeWriters()
    {
        foreach (var stream in _streams.Values)
        {
            stream.WakeWriter();
        }
    }

    private void SendWaiting()
    {
        while (_waiting != 0 && _sendWindow > 0 && !IsOver && !Connection.IsBacklogged)
        {
            var stream = _first[BitOperations.TrailingZeroCount(_waiting)]!;
            var piece = stream.QueuedOutput;
            piece = piece[..Math.Min(piece.Length, FrameHeader.MaxLength)];
            var before = piece.Length;
            WriteData(stream, ref piece);
            var sent = before - piece.Length;
            _queued -= sent;
            Worker.Stats.Add(Stats.PendingSendBytes, -sent);
            Unlink(stream);
            stream.Dequeue(sent);
            if (stream.Owner is null && sent > 0)
            {
                stream.SetDeadline(FlushTimeoutMs);
            }

            if (stream.PendingOutput > 0 && stream.SendWindow > 0)
            {
                Link(stream);
            }

            EndIfSent(stream);
            if (stream.IsLocalEnded)
            {
                CloseIfDone(stream);
            }
        }
    }

    private async LoopTask SendWhenDrainedAsync()
    {
        _isDraining = true;
        await Connection.FlushedAsync();
        _isDraining = false;
        RenewCounts();
        if (!IsOver && !Connection.IsClosed)
        {
            // Whose frames had to wait come before those who sent last: each of them may now send much at once.
            SendScheduled();
            WakeWriters();
            ScheduleAtTurnEnd();
        }
    }

    /// <summary>A stream has something to send and may.</summary>
    private void Schedule(Http2Stream stream)
    {
        if (stream.PendingOutput > 0 && stream.SendWindow > 0 && !stream.IsScheduled)
        {
            Link(stream);
            ScheduleAtTurnEnd();
        }
    }

    private void Unschedule(Http2Stream stream)
    {
        var wasFull = IsFull;
        Unlink(stream);
        _queued -= stream.PendingOutput;
        Worker.Stats.Add(Stats.PendingSendBytes, -stream.PendingOutput);
        if (wasFull && !IsFull)
        {
            WakeWriters();
        }
    }

    private void Link(Http2Stream stream)
    {
        var level = stream.Urgency;
        stream.IsScheduled = true;

        // Who wants its response whole goes on until it is: in the order in which the streams were opened.
        var before = _last[level];
        while (!stream.IsIncremental && before is { IsIncremental: false } && before.Id > stream.Id)
        {
            before = before.Previous;
        }

        if (!stream.IsIncremental && (before is null || before.IsIncremental) && _first[level] is { IsIncremental: true })
        {
            before = null;
        }

        stream.Previous = before;
        stream.Next = before is null ? _first[level] : before.Next;
        if (stream.Next is null)
        {
            _last[level] = stream;
        }
        else
        {
            stream.Next.Previous = stream;
        }

        if (before is null)
        {
            _first[level] = stream;
        }
        else
        {
            before.Next = stream;
        }

        _waiting |= 1u << level;
    }

    private void Unlink(Http2Stream stream)
    {
        if (!stream.IsScheduled)
        {
            return;
        }

        var level = stream.Urgency;
        stream.IsScheduled = false;
        if (stream.Previous is null)
        {
            _first[level] = stream.Next;
        }
        else
        {
            stream.Previous.Next = stream.Next;
        }

        if (stream.Next is null)
        {
            _last[level] = stream.Previous;
        }
        else
        {
            stream.Next.Previous = stream.Previous;
        }

        stream.Next = stream.Previous = null;
        if (_first[level] is null)
        {
            _waiting &= ~(1u << level);
        }
    }

    /// <summary>The peer has set what streams begin with: those that are open move with it (RFC 9113 section 6.9.2).</summary>
    private bool TryMoveWindows(int difference)
    {
        if (difference == 0)
        {
            return true;
        }

        foreach (var stream in _streams.Values)
        {
            stream.SendWindow += difference;
            if (stream.SendWindow > Http2Options.MaxWindow)
            {
                return false;
            }

            if (stream.SendWindow <= 0)
            {
                Unlink(stream);
            }
            else
            {
                Schedule(stream);
                stream.WakeWriter();
            }
        }

        return true;
    }
}

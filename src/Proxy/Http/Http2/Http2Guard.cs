using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>
/// Counts what a peer does that costs us more than it costs the peer, and says when it is too much: Envoy's limits for each kind of frame, and one score over all
/// of them that decays with time (docs/hardening.md).
/// </summary>
internal sealed class Http2Guard(Http2Options options, Http2Stats stats, Worker worker)
{
    /// <summary>One point of the score.</summary>
    public const int Point = 4;

    /// <summary>What costs no more than its own few bytes: a PING, an empty frame of a kind that is not known.</summary>
    public const int Ping = 1;

    /// <summary>The score at which a connection ends; one point fades a second, and a quarter of one with each frame of DATA that goes either way.</summary>
    private const int MaxScore = 100 * Point;

    /// <summary>Streams that may be reset in <see cref="ResetWindowMs"/>, unless twice as many as that were completed.</summary>
    private const int MaxResets = 200;

    private const long ResetWindowMs = 10_000;
    private const int RememberedResets = 256;

    private int[]? _reset;
    private int _resetCount;
    private int _score;
    private long _scoreMs;
    private int _resets;
    private int _completed;
    private long _resetsSinceMs;
    private int _emptyFrames;
    private long _priorityFrames;
    private long _windowUpdates;
    private long _streams;
    private long _dataFrames;

    /// <summary>Why the connection is to end; empty while it is not.</summary>
    public string Verdict { get; private set; } = "";

    /// <summary>A stream was opened by either side.</summary>
    public void OnStream() => _streams++;

    /// <summary>DATA frames were sent.</summary>
    public void OnDataSent(int frames)
    {
        _dataFrames += frames;
        _score = Math.Max(0, _score - frames);
    }

    /// <summary>An exchange went to its end.</summary>
    public void OnCompleted() => _completed++;

    /// <summary>Remembers a stream that ended here while the peer may still be sending on it.</summary>
    public void Forget(int streamId)
    {
        _reset ??= new int[RememberedResets];
        _reset[_resetCount++ % RememberedResets] = streamId;
    }

    /// <summary>True where frames of a stream that is no more are to be expected for a while (RFC 9113 section 5.1, "closed").</summary>
    public bool MayStillSend(int streamId) => _reset is not null && (_resetCount > RememberedResets || Array.IndexOf(_reset, streamId) >= 0);

    /// <summary>A frame came that carries nothing and ends nothing. False where that is too much.</summary>
    public bool OnEmptyFrame()
    {
        if (++_emptyFrames > options.MaxConsecutiveInboundFramesWithEmptyPayload)
        {
            worker.Stats.Increment(stats.InboundEmptyFramesFlood);
            Verdict = "too many frames in a row that carry nothing";
            return false;
        }

        return true;
    }

    /// <summary>A frame came that carries something.</summary>
    public void OnFullFrame()
    {
        _emptyFrames = 0;
        _score -= _score > 0 ? 1 : 0;
    }

    /// <summary>A PRIORITY or PRIORITY_UPDATE frame came. False where that is too much.</summary>
    public bool OnPriority()
    {
        if (++_priorityFrames > (long)options.MaxInboundPriorityFramesPerStream * (1 + _streams))
        {
            worker.Stats.Increment(stats.InboundPriorityFramesFlood);
            Verdict = "too many PRIORITY frames";
            return false;
        }

        return true;
    }

    /// <summary>A WINDOW_UPDATE frame came. False where that is too much.</summary>
    public bool OnWindowUpdate()
    {
        // Envoy's formula: 5 + 2 × (streams + allowed × DATA frames sent).
        if (++_windowUpdates > 5 + (2 * (_streams + (options.MaxInboundWindowUpdateFramesPerDataFrameSent * _dataFrames))))
        {
            worker.Stats.Increment(stats.InboundWindowUpdateFramesFlood);
            Verdict = "too many WINDOW_UPDATE frames";
            return false;
        }

        return true;
    }

    /// <summary>A stream was reset by the peer, or because of what the peer did. False where that is too much.</summary>
    public bool OnReset()
    {
        if (worker.NowMs - _resetsSinceMs > ResetWindowMs)
        {
            _resetsSinceMs = worker.NowMs;
            _resets = _completed = 0;
        }

        if (++_resets > MaxResets && _resets > 2 * _completed)
        {
            worker.Stats.Increment(stats.InboundAbuse);
            Verdict = "too many streams were reset";
            return false;
        }

        return true;
    }

    /// <summary>The peer did something that costs it nothing: SETTINGS, PING, an error of its own. False where that is too much.</summary>
    /// <param name="price">In quarters of a point.</param>
    public bool Charge(int price)
    {
        var faded = (worker.NowMs - _scoreMs) / 1000;
        if (faded > 0)
        {
            _score = (int)Math.Max(0, _score - (faded * Point));
            _scoreMs = worker.NowMs;
        }

        _score += price;
        if (_score > MaxScore)
        {
            worker.Stats.Increment(stats.InboundAbuse);
            Verdict = "too many frames that ask for work and bring none";
            return false;
        }

        return true;
    }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>
/// PING frames that show whether a peer still answers: Envoy's <c>connection_keepalive</c>. While one is unanswered any frame that comes extends the wait, since a
/// peer that sends is alive. Belongs to one connection.
/// </summary>
/// <param name="worker">The connection's.</param>
/// <param name="settings">Intervals.</param>
/// <param name="sendPing">Sends a PING with <see cref="Data"/>.</param>
/// <param name="onTimeout">Ends the connection.</param>
internal sealed class KeepaliveTimer(Worker worker, Http2Keepalive settings, Action sendPing, Action onTimeout) : ITimerOwner
{
    /// <summary>What these PING frames carry, by which their answers are known.</summary>
    public const ulong Data = 0x6b706e2d6b656570;

    private readonly long _timeoutMs = Math.Max(1, settings.Timeout.Ticks / TimeSpan.TicksPerMillisecond);
    private readonly long _idleMs = settings.IdleInterval?.Ticks / TimeSpan.TicksPerMillisecond ?? long.MaxValue;
    private DeadlineTimer? _timer;
    private long _receivedMs = worker.NowMs;

    /// <summary>True while an answer is waited for.</summary>
    public bool IsAwaiting { get; private set; }

    /// <summary>The connection stands: the first interval begins.</summary>
    public void Begin() => Schedule();

    /// <summary>A stream is about to begin: a connection on which nothing came for long is asked first.</summary>
    public void OnNewStream()
    {
        if (!IsAwaiting && worker.NowMs - _receivedMs >= _idleMs)
        {
            Ask();
        }
    }

    /// <summary>Something has come.</summary>
    public void OnReceived()
    {
        _receivedMs = worker.NowMs;
        if (IsAwaiting)
        {
            worker.SetTimer(Timer, _timeoutMs);
        }
    }

    /// <summary>A PING of these was answered.</summary>
    public void OnAnswer()
    {
        if (IsAwaiting)
        {
            IsAwaiting = false;
            worker.Timers.Clear(Timer);
            Schedule();
        }
    }

    /// <summary>The connection has ended.</summary>
    public void End()
    {
        IsAwaiting = false;
        if (_timer is { } timer)
        {
            worker.Timers.Clear(timer);
            worker.Timers.Remove(timer);
        }
    }

    void ITimerOwner.OnDeadline(DeadlineTimer timer)
    {
        if (IsAwaiting)
        {
            IsAwaiting = false;
            onTimeout();
        }
        else
        {
            Ask();
        }
    }

    private DeadlineTimer Timer => _timer ??= new DeadlineTimer(this);

    private void Ask()
    {
        IsAwaiting = true;
        sendPing();
        worker.SetTimer(Timer, _timeoutMs);
    }

    private void Schedule()
    {
        if (settings.Interval is not { } interval)
        {
            return;
        }

        // As Envoy: the jitter is a random part of its share of the interval, and only added.
        var intervalMs = Math.Max(1, interval.Ticks / TimeSpan.TicksPerMillisecond);
        var most = (ulong)(intervalMs * settings.IntervalJitterPercent / 100);
        worker.SetTimer(Timer, intervalMs + (most > 0 ? (long)(worker.Random.Next() % most) : 0));
    }
}

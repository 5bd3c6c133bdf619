using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime.Attempts;

/// <summary>
/// The attempts of an exchange that run beside each other, at most one more than it has retries. The first whose response is passed on wins; what the
/// others bring is dropped. The exchange ends when the last of them has unwound.
/// </summary>
internal sealed class HedgedAttempts(Worker worker)
{
    /// <summary>Most attempts that are kept for the exchanges that follow.</summary>
    private const int MaxKept = 8;

    private readonly List<UpstreamAttempt> _running = [];
    private readonly List<UpstreamAttempt> _added = [];
    private int _addedCount;

    /// <summary>Await it: set when none is left.</summary>
    public LoopSignal Ended { get; } = new(worker);

    /// <summary>The one whose response goes to the client; null before.</summary>
    public UpstreamAttempt? Winner { get; private set; }

    /// <summary>True where nothing is decided and another attempt may still bring a response, or is about to be made.</summary>
    public bool IsOpen => Winner is null && _running.Count > 1;

    /// <summary>Begins with the attempt of the exchange itself.</summary>
    public void Begin(UpstreamAttempt first)
    {
        _running.Add(first);
        Ended.Reset();
    }

    /// <summary>Another one.</summary>
    public UpstreamAttempt Add(Exchange exchange)
    {
        if (_addedCount == _added.Count)
        {
            _added.Add(new UpstreamAttempt(exchange));
        }

        var attempt = _added[_addedCount++];
        _running.Add(attempt);
        return attempt;
    }

    /// <summary>True where another one has won.</summary>
    public bool HasLost(UpstreamAttempt attempt) => Winner is { } winner && winner != attempt;

    /// <summary>The response of this one goes to the client; the others end.</summary>
    public void Win(UpstreamAttempt attempt)
    {
        Winner = attempt;
        foreach (var other in _running)
        {
            if (other != attempt)
            {
                other.Failure = UpstreamFailure.Superseded;
                other.Wake();
            }
        }
    }

    /// <summary>Resumes all of them, to see that the exchange has ended.</summary>
    public void Wake()
    {
        foreach (var attempt in _running)
        {
            attempt.Wake();
        }
    }

    /// <summary>The earliest of their <see cref="UpstreamAttempt.StreamDeadlineMs"/>.</summary>
    public long EarliestStreamDeadlineMs
    {
        get
        {
            var earliest = DeadlineTimer.Never;
            foreach (var attempt in _running)
            {
                earliest = Math.Min(earliest, attempt.StreamDeadlineMs);
            }

            return earliest;
        }
    }

    /// <summary>One whose <see cref="UpstreamAttempt.StreamDeadlineMs"/> has passed; null for none.</summary>
    public UpstreamAttempt? PassedStream(long now) => _running.Find(attempt => attempt.StreamDeadlineMs <= now);

    /// <summary>This one has unwound.</summary>
    public void End(UpstreamAttempt attempt)
    {
        if (_running.Remove(attempt) && _running.Count == 0)
        {
            Ended.Set();
        }
    }

    /// <summary>Forgets the exchange's attempts.</summary>
    public void Reset()
    {
        Winner = null;
        _running.Clear();
        for (var i = 0; i < _addedCount; i++)
        {
            _added[i].Reset();
        }

        _addedCount = 0;
        if (_added.Count > MaxKept)
        {
            _added.RemoveRange(MaxKept, _added.Count - MaxKept);
        }
    }
}

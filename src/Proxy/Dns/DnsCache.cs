namespace KubeProxyNet.Proxy.Dns;

/// <summary>
/// Answers that were given, found or not: while they are fresh they save a query, and past their time they stand in where no new one can be had
/// (RFC 8767). Bounded; thread-safe.
/// </summary>
internal sealed class DnsCache(TimeProvider time, int capacity = DnsQueryOptions.MaxCached)
{
    /// <summary>How long past its time an answer may stand in (RFC 8767 section 5 says one to three days).</summary>
    public static readonly TimeSpan MaxStale = TimeSpan.FromDays(1);

    /// <summary>How long an answer past its time is good for before it is asked for again (RFC 8767 section 4).</summary>
    private static readonly TimeSpan StaleTtl = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<DnsQuestion, Entry> _entries = [];

    /// <summary>Questions whose answers are kept.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>An answer that is within its time, with what is left of it; null without one.</summary>
    /// <param name="question">What is asked.</param>
    /// <param name="freshness">How old it may be at most.</param>
    public DnsAnswer? Fresh(DnsQuestion question, TimeSpan freshness)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(question, out var entry))
            {
                return null;
            }

            var age = time.GetElapsedTime(entry.Stored);
            return age < freshness && age < entry.Answer.Ttl ? entry.Answer with { Ttl = entry.Answer.Ttl - age } : null;
        }
    }

    /// <summary>The answer to use where nobody could give one: the last one, unless it is too old.</summary>
    public DnsAnswer InPlaceOf(DnsQuestion question, DnsAnswer failure)
    {
        lock (_gate)
        {
            return _entries.TryGetValue(question, out var entry) && time.GetElapsedTime(entry.Stored) < entry.Answer.Ttl + MaxStale
                ? entry.Answer with { Ttl = StaleTtl, IsStale = true, Reason = failure.Reason }
                : failure;
        }
    }

    /// <summary>Keeps an answer. It stays past its time, even one that may be used only once.</summary>
    public void Store(DnsQuestion question, DnsAnswer answer)
    {
        lock (_gate)
        {
            if (_entries.Count >= capacity && !_entries.ContainsKey(question))
            {
                DropOldest();
            }

            _entries[question] = new Entry(answer, time.GetTimestamp());
        }
    }

    /// <summary>An eighth at once, so that sorting is paid for by many.</summary>
    private void DropOldest()
    {
        foreach (var (question, _) in _entries.OrderBy(static entry => entry.Value.Stored).Take(Math.Max(capacity / 8, 1)).ToArray())
        {
            _entries.Remove(question);
        }
    }

    private readonly record struct Entry(DnsAnswer Answer, long Stored);
}

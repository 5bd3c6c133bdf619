using System.Buffers;
using System.Text;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What the exchanges of one worker share: the snapshot in force, spare exchanges, the Date header.</summary>
internal sealed class WorkerRuntime(
    Worker worker, SnapshotHolder snapshots, DrainState drain, OverloadState overload, DownstreamConnectionLimit connections, SourceConnections? sources = null) : ISparePool
{
    /// <summary>Exchanges that are kept for later in any case; more where more were under way at once.</summary>
    private const int LeastSpare = 1024;

    /// <summary>What an exchange holds with what belongs to it, roughly.</summary>
    private const long BytesOfExchange = 8 * 1024;

    private readonly byte[] _date = Encoding.ASCII.GetBytes("date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
    private long _dateSecond;
    private HeaderEvaluation? _headers;
    private Exchange? _spare;
    private SpareLimit _limit = new(LeastSpare);
    private int _spareCount;

    public Worker Worker => worker;

    public SnapshotHolder Snapshots => snapshots;

    public DrainState Drain => drain;

    public OverloadState Overload => overload;

    /// <summary>Counts the client connections of all listeners and workers.</summary>
    public DownstreamConnectionLimit Connections => connections;

    /// <summary>Counts the client connections of all listeners and workers by source; null where there is no limit on that.</summary>
    public SourceConnections? Sources => sources;

    /// <summary>What requests tell their endpoints of their timeout.</summary>
    public ExpectedTimeoutLine ExpectedTimeout { get; } = new();

    /// <summary>Clusters that requests went to.</summary>
    public RecentClusters Clusters { get; } = new();

    /// <summary>Where rewritten targets and hosts are composed; valid until the next use.</summary>
    public ArrayBufferWriter<byte> Overrides { get; } = new(1024);

    /// <summary>Where header changes with format operators are played; valid until the next use.</summary>
    public HeaderEvaluation Headers => _headers ??= new HeaderEvaluation();

    /// <summary>The Date field as a line with its end (RFC 9110 §5.6.7), made anew each second.</summary>
    public ReadOnlySpan<byte> DateLine
    {
        get
        {
            var second = worker.WallClockTicks / TimeSpan.TicksPerSecond;
            if (second != _dateSecond)
            {
                _dateSecond = second;
                new DateTime(second * TimeSpan.TicksPerSecond, DateTimeKind.Utc).TryFormat(_date.AsSpan(6), out _, "R");
            }

            return _date;
        }
    }

    /// <summary>An exchange to fill; give it back with <see cref="Return"/>.</summary>
    public Exchange RentExchange()
    {
        if (_limit.Rent())
        {
            worker.Spares.OnRaised();
        }

        var exchange = _spare;
        if (exchange is null)
        {
            return new Exchange(this);
        }

        _spare = exchange.NextSpare;
        exchange.NextSpare = null;
        _spareCount--;
#if KPN_CHECKED
        exchange.IsSpare = false;
#endif
        return exchange;
    }

    /// <summary>Has the exchange that is rented next fetched into the caches.</summary>
    public void PrefetchExchange() => CacheLines.Prefetch(_spare, lines: 11);

    /// <summary>Exchanges that are kept for later.</summary>
    public int SpareExchanges => _spareCount;

    /// <inheritdoc/>
    public long Fall(out bool goesOn)
    {
        var before = _spareCount;
        for (var most = _limit.Fall(); _spareCount > most; _spareCount--)
        {
            _spare = _spare!.NextSpare;
        }

        goesOn = _limit.IsRaised;
        return (before - _spareCount) * BytesOfExchange;
    }

    /// <summary>Forgets every exchange that is kept for later.</summary>
    public void Trim()
    {
        _spare = null;
        _spareCount = 0;
        _limit.Reset();
    }

    public void Return(Exchange exchange)
    {
#if KPN_CHECKED
        if (exchange.IsSpare)
        {
            throw new InvalidOperationException("An exchange was returned twice.");
        }

        exchange.IsSpare = true;
#endif
        exchange.Reset();
        if (_limit.Return(_spareCount))
        {
            exchange.NextSpare = _spare;
            _spare = exchange;
            _spareCount++;
        }
    }
}

/// <summary>Whether the proxy is going away: responses then end their connections. Any thread may set it, once.</summary>
internal sealed class DrainState
{
    private volatile bool _isDraining;

    public bool IsDraining => _isDraining;

    public void Begin() => _isDraining = true;
}

using System.Buffers;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The session that the request belongs to, where sessions are kept.</summary>
internal sealed partial class Exchange
{
    private StatefulSession? _session;
    private SessionStats? _sessionStats;
    private ArrayBufferWriter<byte>? _sessionHost;
    private ArrayBufferWriter<byte>? _sessionLine;

    /// <summary>True where the request names the endpoint of its session.</summary>
    public bool HasSessionHost { get; private set; }

    /// <summary>The address that the request names.</summary>
    public ReadOnlySpan<byte> SessionHost => _sessionHost!.WrittenSpan;

    /// <summary>True where no other endpoint may stand in for that of the session.</summary>
    public bool IsSessionStrict => _session!.IsStrict;

    /// <summary>The header line that tells the client of its endpoint; empty where it need not be told.</summary>
    public ReadOnlySpan<byte> SessionLine => _sessionLine is null ? default : _sessionLine.WrittenSpan;

    /// <summary>Keeps a session for the request.</summary>
    /// <param name="session">How.</param>
    /// <param name="stats">Where it is counted what becomes of it; null for nowhere.</param>
    public void BeginSession(StatefulSession session, SessionStats? stats)
    {
        _session = session;
        _sessionStats = stats;
        _sessionHost ??= new ArrayBufferWriter<byte>();
        _sessionHost.ResetWrittenCount();
        HasSessionHost = SessionCodec.TryRead(session.State!, Request, NowSeconds, _sessionHost);
    }

    /// <summary>Notes the endpoint that an attempt goes to, which the client is told of with its response.</summary>
    public void NoteSessionEndpoint(Endpoint endpoint)
    {
        if (_session is null)
        {
            return;
        }

        _sessionLine ??= new ArrayBufferWriter<byte>();
        _sessionLine.ResetWrittenCount();
        var address = endpoint.Config.Address.Text.Span;
        if (!HasSessionHost || !SessionHost.SequenceEqual(address))
        {
            SessionCodec.WriteLine(_session.State!, address, NowSeconds, _sessionLine);
        }
    }

    /// <summary>The counters of a filter of the connection manager; null where it has none.</summary>
    public SessionStats? SessionStatsOf(StatefulSessionConfig filter) =>
        _state!.SessionStats is { Length: > 0 } all ? all[Http.Filters.IndexOf(filter)] : null;

    /// <summary>Counts, once, what became of a request that names an endpoint.</summary>
    /// <param name="isAnswered">True where an upstream has answered, false where the proxy has.</param>
    public void CountSession(bool isAnswered)
    {
        if (_sessionStats is { } stats && (isAnswered || _session!.IsStrict))
        {
            _sessionStats = null;
            Worker.Stats.Increment(!isAnswered ? stats.FailedClosed : SessionLine.IsEmpty ? stats.Routed : stats.FailedOpen);
        }
    }

    private long NowSeconds => (Worker.WallClockTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond;

    /// <summary>The request belongs to no session any more.</summary>
    public void ResetSession()
    {
        if (_session is not null)
        {
            _session = null;
            _sessionStats = null;
            HasSessionHost = false;
            _sessionLine?.ResetWrittenCount();
        }
    }
}

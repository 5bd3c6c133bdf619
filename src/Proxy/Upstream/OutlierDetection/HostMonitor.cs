namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>What became of an attempt before or without an answer: Envoy's <c>Outlier::Result</c>, as far as HTTP has it.</summary>
internal enum LocalOriginResult : byte
{
    /// <summary>A connection to the endpoint was there for the request.</summary>
    ConnectSuccess,

    /// <summary>The endpoint did not answer in time.</summary>
    Timeout,

    /// <summary>No connection could be made, or it ended or broke before the response was over.</summary>
    ConnectFailed,
}

/// <summary>
/// What the workers report of one endpoint (Envoy's <c>DetectorHostMonitorImpl</c>). Each worker counts in a cache line of its own by plain stores, so
/// that a success costs two increments; the runs of failures are common to all workers and written only when one begins, grows or ends.
/// </summary>
internal sealed class HostMonitor
{
    // Longs a worker: one cache line, and one more in front, away from the length of the array.
    private const int Stride = 8;
    private const int Succeeded = 1;
    private const int PerOrigin = 2;

    private readonly OutlierDetector _detector;
    private readonly long[] _counts;
    private readonly bool _splitsOrigins;
    private int _consecutive5xx;
    private int _consecutiveGatewayFailures;
    private int _consecutiveLocalFailures;

    public HostMonitor(OutlierDetector detector, EndpointState endpoint, int workers)
    {
        _detector = detector;
        Endpoint = endpoint;
        _counts = new long[(workers + 1) * Stride];
        _splitsOrigins = detector.Config.SplitsOrigins;
    }

    public EndpointState Endpoint { get; }

    /// <summary>Of the answers, or of everything where origins are not told apart. The detector's.</summary>
    public SuccessRate External { get; } = new();

    /// <summary>Of connections and waits. The detector's.</summary>
    public SuccessRate LocalOrigin { get; } = new();

    /// <summary>The detector's.</summary>
    public EjectionHistory Ejections { get; } = new();

    /// <summary>The endpoint answered with this status.</summary>
    public void PutStatus(int status, int worker)
    {
        var at = (worker + 1) * Stride;
        _counts[at]++;
        if (status is < 500 or > 599)
        {
            _counts[at + Succeeded]++;
            End(ref _consecutive5xx);
            End(ref _consecutiveGatewayFailures);
            return;
        }

        if (status is < 502 or > 504)
        {
            End(ref _consecutiveGatewayFailures);
        }
        else if (Interlocked.Increment(ref _consecutiveGatewayFailures) == _detector.Config.ConsecutiveGatewayFailure)
        {
            _detector.NoteRun(this, EjectionType.ConsecutiveGatewayFailure);
        }

        if (Interlocked.Increment(ref _consecutive5xx) == _detector.Config.Consecutive5xx)
        {
            _detector.NoteRun(this, EjectionType.Consecutive5xx);
        }
    }

    /// <summary>Something happened that is no answer. Where origins are not told apart, failures count as the status that the client gets.</summary>
    public void Put(LocalOriginResult result, int worker)
    {
        if (!_splitsOrigins)
        {
            if (result != LocalOriginResult.ConnectSuccess)
            {
                PutStatus(result == LocalOriginResult.Timeout ? 504 : 503, worker);
            }

            return;
        }

        var at = ((worker + 1) * Stride) + PerOrigin;
        _counts[at]++;
        if (result == LocalOriginResult.ConnectSuccess)
        {
            _counts[at + Succeeded]++;
            End(ref _consecutiveLocalFailures);
        }
        else if (Interlocked.Increment(ref _consecutiveLocalFailures) == _detector.Config.ConsecutiveLocalOriginFailure)
        {
            _detector.NoteRun(this, EjectionType.ConsecutiveLocalOriginFailure);
        }
    }

    /// <summary>
    /// An active health check found the endpoint healthy, which may end its ejection (<c>successful_active_health_check_uneject_host</c>). For any thread;
    /// the rest happens on another.
    /// </summary>
    public void NoteHealthy() => _detector.NoteHealthy(this);

    /// <summary>An interval has ended: what was counted in it is what rates are made of. For the detector.</summary>
    public void EndInterval()
    {
        External.EndInterval(Sum(0), Sum(Succeeded));
        LocalOrigin.EndInterval(Sum(PerOrigin), Sum(PerOrigin + Succeeded));
    }

    /// <summary>Forgets a run of failures. For the detector.</summary>
    public void EndRun(EjectionType type)
    {
        switch (type)
        {
            case EjectionType.Consecutive5xx:
                End(ref _consecutive5xx);
                break;
            case EjectionType.ConsecutiveGatewayFailure:
                End(ref _consecutiveGatewayFailures);
                break;
            case EjectionType.ConsecutiveLocalOriginFailure:
                End(ref _consecutiveLocalFailures);
                break;
        }
    }

    // A line that all workers read must not be written by each success.
    private static void End(ref int run)
    {
        if (Volatile.Read(ref run) != 0)
        {
            Volatile.Write(ref run, 0);
        }
    }

    private long Sum(int which)
    {
        long sum = 0;
        for (var at = Stride; at < _counts.Length; at += Stride)
        {
            sum += Volatile.Read(ref _counts[at + which]);
        }

        return sum;
    }
}

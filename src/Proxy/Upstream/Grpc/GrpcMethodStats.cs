using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.Grpc;

/// <summary>The calls of one method, or of all that are not told apart, under Envoy's names (Envoy documentation, "gRPC Statistics"). A name appears when it is first counted.</summary>
/// <param name="registry">Where they are registered.</param>
/// <param name="prefix">What their names begin with, dot included.</param>
internal sealed class GrpcMethodStats(StatRegistry registry, string prefix)
{
    private const int Success = 17;
    private const int Failure = 18;
    private const int Total = 19;
    private const int RequestMessages = 20;
    private const int ResponseMessages = 21;

    private static readonly string[] Names =
    [
        .. Enumerable.Range(0, Success).Select(static code => code.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        "success", "failure", "total", "request_message_count", "response_message_count",
    ];

    private readonly Entry?[] _counters = new Entry?[Names.Length];
    private TimeEntry? _time;

    /// <summary>Counts a call by its status. One that is none of gRPC's has no counter of its own, for whoever sends it could make any number of them.</summary>
    public void CountStatus(StatPage page, GrpcCode code)
    {
        if (code != GrpcCode.Invalid)
        {
            page.Increment(CounterAt((int)code));
        }

        page.Increment(CounterAt(code == GrpcCode.Ok ? Success : Failure));
        page.Increment(CounterAt(Total));
    }

    /// <summary>Counts messages of requests.</summary>
    public void CountRequests(StatPage page, long messages) => page.Add(CounterAt(RequestMessages), messages);

    /// <summary>Counts messages of responses.</summary>
    public void CountResponses(StatPage page, long messages) => page.Add(CounterAt(ResponseMessages), messages);

    /// <summary>Notes how long the upstream took, from the end of the request to the end of the response.</summary>
    public void RecordTime(StatPage page, long milliseconds) =>
        page.Record((_time ??= new TimeEntry(registry.Histogram(prefix + "upstream_rq_time"))).Histogram, milliseconds);

    // Registering twice gives the same counter, so a race is harmless.
    private Counter CounterAt(int index) => (_counters[index] ??= new Entry(registry.Counter(prefix + Names[index]))).Counter;

    private sealed record Entry(Counter Counter);

    private sealed record TimeEntry(Histogram Histogram);
}

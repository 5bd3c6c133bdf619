using KubeProxyNet.Proxy.Observability.Stats;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary><c>/stats</c> and <c>/stats/prometheus</c>, with Envoy's parameters <c>filter</c>, <c>usedonly</c>, <c>format</c>.</summary>
internal sealed class StatPages(StatRegistry stats, TimeProvider time)
{
    // Histograms are also shown for an interval: since a look at /stats that is at least this long ago.
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private StatSnapshot? _intervalStart;
    private long _intervalTimestamp;

    internal IEnumerable<AdminEndpoint> Endpoints =>
    [
        new("/stats", "statistics; ?filter=REGEX ?usedonly ?format=json|prometheus", Changes: false, Show),
        new("/stats/prometheus", "statistics for Prometheus; ?filter=REGEX ?usedonly", Changes: false, ShowPrometheus),
    ];

    private AdminReply Show(IQueryCollection query)
    {
        var format = query["format"].ToString();
        if (format == "prometheus")
        {
            return ShowPrometheus(query);
        }

        if (format is not ("" or "text" or "json"))
        {
            return AdminReply.Text($"format={format} is not known; use text, json or prometheus\n", 400);
        }

        if (!TryFilter(query, out var filter, out var refused))
        {
            return refused!;
        }

        return format == "json"
            ? AdminReply.Large(output => StatJson.Write(stats.Collect(filter), Interval(), output), "application/json")
            : AdminReply.Large(output => StatText.Write(stats.Collect(filter), Interval(), output));
    }

    private AdminReply ShowPrometheus(IQueryCollection query) =>
        TryFilter(query, out var filter, out var refused)
            ? AdminReply.Large(output => PrometheusText.Write(stats.Collect(filter), output), PrometheusText.ContentType)
            : refused!;

    private static bool TryFilter(IQueryCollection query, out StatFilter filter, out AdminReply? refused)
    {
        var valid = StatFilter.TryParse(query["filter"].ToString(), query.ContainsKey("usedonly"), out filter, out var error);
        refused = valid ? null : AdminReply.Text($"filter: {error}\n", 400);
        return valid;
    }

    private StatSnapshot? Interval()
    {
        lock (_gate)
        {
            var start = _intervalStart;
            if (start is null || time.GetElapsedTime(_intervalTimestamp) >= ShortestInterval)
            {
                _intervalStart = stats.CollectHistograms();
                _intervalTimestamp = time.GetTimestamp();
            }

            return start;
        }
    }
}

using KubeProxyNet.Load.Reporting;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>The bounds on CPU time a request; those whose rival did not take part are left out.</summary>
internal static class ComparisonGoals
{
    private const double HeapBytesShownAsZero = 0.005;

    public static IEnumerable<Goal> Of(LoadOptions options, IReadOnlyList<ContenderResult> results)
    {
        ContenderResult? Named(string name) => results.FirstOrDefault(r => r.Name == name);
        return Named("kpn") is { } kpn ? Of(options, kpn, Named("nginx"), Named("haproxy"), Named("relay")) : [];
    }

    private static IEnumerable<Goal> Of(
        LoadOptions options, ContenderResult kpn, ContenderResult? nginx, ContenderResult? haproxy, ContenderResult? relay)
    {
        ContenderResult[] rivals = [.. new[] { nginx, haproxy }.OfType<ContenderResult>()];
        return options.Scenario switch
        {
            Scenario.Close => AgainstBetter("new connection for each request", kpn, rivals, 0.95),
            Scenario.Large => AgainstBetter($"bodies of {MarkdownTable.Grouped(options.BodySize)} bytes", kpn, rivals, 1.00),
            Scenario.TlsKeepAlive => [.. AgainstBetter("TLS, kept connections, small body", kpn, rivals, 0.70), .. Heap("TLS: GC heap bytes a request", kpn)],
            Scenario.TlsLarge => Against($"TLS, bodies of {MarkdownTable.Grouped(options.BodySize)} bytes: CPU", kpn, nginx, 1.00),
            Scenario.TlsFull => Against("TLS, full handshake for each request: CPU", kpn, nginx, 1.00),
            Scenario.TlsResumed => Against("TLS, resumed session for each request: CPU", kpn, nginx, 1.00),
            Scenario.Http2Small =>
            [
                .. Against("HTTP/2 to HTTP/1.1: CPU", kpn, haproxy, 0.75), .. Against("HTTP/2 to HTTP/1.1: CPU", kpn, nginx, 0.50),
                .. Heap("HTTP/2 to HTTP/1.1: GC heap bytes a stream", kpn),
            ],
            Scenario.Http2Tls => [.. Against("HTTP/2 over TLS to HTTP/1.1: CPU", kpn, haproxy, 0.75), .. Heap("HTTP/2 over TLS: GC heap bytes a stream", kpn)],
            Scenario.Http2Grpc => [.. Against("gRPC, unary: CPU", kpn, nginx, 0.60), .. Heap("gRPC, unary: GC heap bytes a stream", kpn)],
            Scenario.Http2Bulk => AgainstBetter($"HTTP/2, bodies of {MarkdownTable.Grouped(options.BodySize)} bytes", kpn, rivals, 1.00),
            Scenario.Rate => rivals.Select(r => Printed($"CPU at {MarkdownTable.Grouped(options.Rate)} requests/s", kpn, r)),
            _ => KeepAlive(kpn, nginx, haproxy, relay),
        };
    }

    private static IEnumerable<Goal> KeepAlive(ContenderResult kpn, ContenderResult? nginx, ContenderResult? haproxy, ContenderResult? relay)
    {
        const string Name = "keep-alive, small body: CPU";
        (ContenderResult? Rival, double Bound, string Name)[] bounds = [(nginx, 0.80, Name), (haproxy, 0.75, Name), (relay, 1.15, $"{Name} (stretch)")];
        foreach (var (rival, bound, name) in bounds)
        {
            if (rival is not null)
            {
                yield return AtMost(name, kpn, rival, bound);
            }
        }

        var user = kpn.Median(m => m.UserMicros);
        yield return new Goal("keep-alive: user time", "≤ 4 µs", $"{MarkdownTable.Number(user, 2)} µs", user <= 4);
        foreach (var heap in Heap("GC heap bytes a request", kpn))
        {
            yield return heap;
        }
    }

    private static IEnumerable<Goal> Heap(string name, ContenderResult kpn)
    {
        if (kpn.Rounds[0].HeapBytes is not null)
        {
            var heap = kpn.Median(m => m.HeapBytes ?? 0);
            yield return new Goal(name, "0.00", MarkdownTable.Number(heap, 2), heap < HeapBytesShownAsZero);
        }
    }

    private static Goal[] Against(string name, ContenderResult kpn, ContenderResult? rival, double bound) =>
        rival is null ? [] : [AtMost(name, kpn, rival, bound)];

    private static Goal[] AgainstBetter(string name, ContenderResult kpn, ContenderResult[] rivals, double bound) =>
        rivals.MinBy(r => r.CpuMicros) is { } better ? [AtMost($"{name}: CPU", kpn, better, bound)] : [];

    private static Goal AtMost(string name, ContenderResult kpn, ContenderResult rival, double bound)
    {
        return new Goal(name, $"≤ {MarkdownTable.Number(bound, 2)} × {rival.Name}", Found(kpn, rival), kpn.RatioTo(rival) <= bound);
    }

    private static Goal Printed(string name, ContenderResult kpn, ContenderResult rival) => new(name, $"printed, beside {rival.Name}", Found(kpn, rival), null);

    private static string Found(ContenderResult kpn, ContenderResult rival) =>
        $"{MarkdownTable.WithQuartiles(kpn.RatiosTo(rival), 2)} × ({MarkdownTable.Number(kpn.CpuMicros, 1)} against {MarkdownTable.Number(rival.CpuMicros, 1)} µs)";
}

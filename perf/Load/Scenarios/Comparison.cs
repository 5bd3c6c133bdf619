using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Reporting;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>
/// CPU time a request, proxy beside proxy: keepalive, close, large and the scenarios over TLS and HTTP/2 as fast as it goes, rate with the open-loop generator. Contenders stay
/// up between their turns, idle.
/// </summary>
internal static class Comparison
{
    private static readonly string[] Columns =
    [
        "proxy", "CPU µs/request", "min – max", "user", "system", "× nginx", "× HAProxy", "× before", "requests/s", "core busy %", "p50 µs", "p99 µs", "p99.9 µs",
        "lag p99 µs", "heap B/request", "RSS MB", "at start", "start ms",
    ];

    public static async Task<Outcome> RunAsync(Stage stage, CancellationToken cancel)
    {
        var options = stage.Options;
        var contenders = options.Contenders().Select(name => Contender.Named(name, options)).ToList();
        NativeTool.Require(["taskset", options.Scenario.IsHttp2() ? "h2load" : "wrk", "gcc", .. contenders.SelectMany(c => c.Tools)]);
        var load = await LoadAsync(stage, cancel);
        var results = new List<ContenderResult>();
        foreach (var contender in contenders)
        {
            results.Add(new ContenderResult(await stage.StartAsync(contender, load.BackendPort, cancel), []));
        }

        var runAsync = await load.ReadyAsync();
        foreach (var (runner, _) in results)
        {
            await runAsync(runner, runner.Contender.WarmUp);
        }

        var slice = options.Slice;
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var (runner, rounds) in Stage.InTurn(results, round))
            {
                var measured = await Measurement.OfAsync(runner, slice, heap: true, () => runAsync(runner, slice), cancel);
                rounds.Add(measured);
                await stage.SayAsync(round, runner.Name, $"{measured.CpuMicros,7:F2} µs/request {measured.Load.RequestsPerSecond,8:F0} requests/s");
            }
        }

        return new Outcome(
            Title(options),
            MarkdownTable.Of(Columns, results.Select(r => Row(r, results))) + "\n" + Note(options) + Negotiated.Table(results.Select(r => r.Runner)),
            [.. ComparisonGoals.Of(options, results)],
            [.. results.Select(r => r.Runner.VersionLine)]);
    }

    /// <summary>Starts a backend, and says how to go on when the proxies have found it: an open-loop generator then takes its place.</summary>
    private static async Task<(int BackendPort, Func<Task<Run>> ReadyAsync)> LoadAsync(Stage stage, CancellationToken cancel)
    {
        if (stage.Options.Scenario.IsHttp2())
        {
            return await Http2LoadAsync(stage, cancel);
        }

        if (stage.Options.Scenario != Scenario.Rate)
        {
            var backendPort = await stage.StartBackendAsync(cancel);
            if (stage.Options.Scenario is Scenario.TlsFull or Scenario.TlsResumed)
            {
                var handshakes = await stage.HandshakesAsync(cancel);
                var resume = stage.Options.Scenario == Scenario.TlsResumed;
                return (backendPort, () => Task.FromResult<Run>((runner, slice) => handshakes.RunAsync(runner.Port, resume, slice, cancel)));
            }

            return (
                backendPort,
                () => Task.FromResult<Run>((runner, slice) => stage.Wrk(runner.Contender.Paths).RunAsync(runner.Port, slice, cancel)));
        }

        var standIn = await stage.StartLedgerBackendAsync(fault: null, cancel);
        return (standIn.Port, async () =>
        {
            var openLoop = await stage.TakeOverAsync(standIn, "/", cancel);
            return (runner, slice) => openLoop.RunAsync(
                runner.Port, stage.Options.Rate, slice.Requests is { } requests ? TimeSpan.FromSeconds(requests / (double)stage.Options.Rate) : slice.Duration, cancel);
        }
        );
    }

    private static async Task<(int BackendPort, Func<Task<Run>> ReadyAsync)> Http2LoadAsync(Stage stage, CancellationToken cancel)
    {
        var isGrpc = stage.Options.Scenario == Scenario.Http2Grpc;
        var backendPort = isGrpc ? await stage.StartGrpcBackendAsync(cancel) : await stage.StartBackendAsync(cancel);
        var h2load = await Http2Load.GeneratorAsync(stage, cancel);
        return (backendPort, () => Task.FromResult<Run>(async (runner, slice) =>
        {
            if (isGrpc)
            {
                await Http2Load.CallAsync(runner, stage.Options.BodySize, cancel);
            }

            return await h2load.RunAsync(runner.Port, slice, cancel);
        }
        ));
    }

    private static string Title(LoadOptions options) => options.Scenario switch
    {
        Scenario.Http2Small => "http2-small: small bodies over HTTP/2 in plain text, from a backend of HTTP/1.1",
        Scenario.Http2Tls => "http2-tls: small bodies over HTTP/2 and TLS, from a backend of HTTP/1.1",
        Scenario.Http2Grpc => "http2-grpc: unary calls, HTTP/2 on both sides",
        Scenario.Http2Bulk => $"http2-bulk: bodies of {MarkdownTable.Grouped(options.BodySize)} bytes on {Http2Load.BulkStreams} streams",
        Scenario.Close => "close: a client connection for each request",
        Scenario.Large => $"large: bodies of {MarkdownTable.Grouped(options.BodySize)} bytes",
        Scenario.Rate => $"rate: {MarkdownTable.Grouped(options.Rate)} requests a second, open loop",
        Scenario.TlsLarge => $"tls-large: bodies of {MarkdownTable.Grouped(options.BodySize)} bytes over kept TLS connections",
        Scenario.TlsFull => "tls-full: a TLS connection with a full handshake for each request",
        Scenario.TlsResumed => "tls-resumed: a TLS connection with a resumed session for each request",
        Scenario.TlsKeepAlive => "tls-keepalive: small bodies over kept TLS connections as fast as it goes",
        _ => "keepalive: small bodies as fast as it goes",
    };

    private static string Note(LoadOptions options) => $"""
        {Clients(options)}, {options.BodySize} bytes of body, {Loop(options.Scenario)}.
        CPU time is that of the proxy's processes over the requests that were answered; the split into user and system is by clock ticks. Ratios are medians of the rounds'
        ratios, with their quartiles. RSS counts shared pages for each process.

        """;

    private static string Clients(LoadOptions options) => options.Scenario switch
    {
        Scenario.Http2Bulk => $"1 connection with {Http2Load.BulkStreams} streams",
        >= Scenario.Http2Small => $"{options.ConnectionsAsked ?? Http2Load.Connections} connections with {Http2Load.Streams} streams each",
        _ => $"{options.Connections} connections",
    };

    private static string Loop(Scenario scenario) => scenario switch
    {
        Scenario.Rate => "open loop (Native/open_loop.c)",
        Scenario.TlsFull or Scenario.TlsResumed => "closed loop (Native/handshakes.c)",
        >= Scenario.Http2Small => "closed loop (h2load)",
        _ => "closed loop (wrk)",
    };

    private static string[] Row(ContenderResult result, IReadOnlyList<ContenderResult> all) =>
    [
        result.Name,
        MarkdownTable.Number(result.CpuMicros, 2),
        $"{MarkdownTable.Number(result.Rounds.Min(m => m.CpuMicros), 1)} – {MarkdownTable.Number(result.Rounds.Max(m => m.CpuMicros), 1)}",
        MarkdownTable.Number(result.Median(m => m.UserMicros), 2),
        MarkdownTable.Number(result.Median(m => m.CpuMicros - m.UserMicros), 2),
        Ratio(result, all, "nginx"),
        Ratio(result, all, "haproxy"),
        Ratio(result, all, Contender.Before),
        MarkdownTable.Number(result.Median(m => m.Load.RequestsPerSecond), 0),
        MarkdownTable.Number(100 * result.Median(m => m.Busy), 0),
        MarkdownTable.Number(result.Median(m => m.Load.P50), 0),
        MarkdownTable.Number(result.Median(m => m.Load.P99), 0),
        MarkdownTable.Number(result.Median(m => m.Load.P999), 0),
        result.Rounds[0].Load.Lag is null ? "–" : MarkdownTable.Number(result.Median(m => m.Load.Lag?.P99 ?? 0), 0),
        result.Rounds[0].HeapBytes is null ? "–" : MarkdownTable.Number(result.Median(m => m.HeapBytes ?? 0), 2),
        MarkdownTable.Number(result.Median(m => m.ResidentBytes) / 1e6, 1),
        MarkdownTable.Number(result.Runner.ResidentAtStart / 1e6, 1),
        MarkdownTable.Number(result.Runner.Start.TotalMilliseconds, 0),
    ];

    private static string Ratio(ContenderResult result, IReadOnlyList<ContenderResult> all, string to) =>
        all.FirstOrDefault(r => r.Name == to) is { } other ? MarkdownTable.WithQuartiles(result.RatiosTo(other), 2) : "–";

    /// <summary>One run of the load generator.</summary>
    private delegate Task<LoadResult> Run(Runner runner, Slice slice);
}

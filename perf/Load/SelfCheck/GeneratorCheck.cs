using System.Runtime.CompilerServices;
using System.Text.Json;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Scenarios;

namespace KubeProxyNet.Load.SelfCheck;

/// <summary>Checks what the measurements stand on: the histogram, the ledger, the counting of latency from the intended time, and the generator of TLS handshakes.</summary>
internal static class GeneratorCheck
{
    /// <summary>The first argument that chooses this check.</summary>
    public const string Subcommand = "selfcheck";

    public const string Usage = """
        Checks the generators themselves, in a minute: the open loop's histogram against exact percentiles, and its ledger and its latencies against a
        backend that loses, repeats, damages, swaps and stalls on purpose, beside it and in its own thread; the generator of TLS handshakes against a
        server that cuts answers short, answers too much, refuses, hangs up and resumes nothing.

          dotnet run -c Release --project perf/Load -- selfcheck
        """;

    private const double Rate = 1000;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(1);

    /// <summary>Every hundredth request of the two seconds, one of warming up, is hit by the fault.</summary>
    private const int Hit = 20;

    private static readonly (string Fault, string Verdict)[] Faults =
    [
        ("lose", "lost"), ("repeat", "duplicated"), ("double", "duplicated"), ("damage", "corrupted"), ("swap", "misdelivered"), ("forget", "misdelivered"),
    ];

    private static readonly string[] Patience = ["--patience", "2"];

    private static readonly string[] Verdicts = ["lost", "duplicated", "corrupted", "misdelivered"];

    /// <summary>Returns the status for the shell.</summary>
    public static async Task<int> RunAsync()
    {
        NativeTool.Require(["taskset", "gcc"]);
        var folder = Directory.CreateTempSubdirectory("kpn-load-").FullName;
        try
        {
            var failed = 0;
            foreach (var (name, wrong) in await ResultsAsync(folder, CancellationToken.None).ToListAsync())
            {
                Console.WriteLine(wrong is null ? $"ok      {name}" : $"FAILED  {name}: {wrong}");
                failed += wrong is null ? 0 : 1;
            }

            return failed == 0 ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async IAsyncEnumerable<(string Name, string? Wrong)> ResultsAsync(
        string folder, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (status, output) = await RunningProcess.TryRunAsync(await NativeTool.CompileAsync("histogram_check", folder, cancel), [], cancel);
        yield return ("percentiles are those of the sorted values", status == 0 ? null : output);

        var sound = await AskAsync(null, bodySize: 0, folder, cancel);
        yield return ("a sound backend has nothing to answer for", sound.Status == 0 && Counts(sound.Output, "", 0) ? null : sound.Output);

        var bodies = await AskAsync(null, bodySize: 3000, folder, cancel);
        yield return ("request bodies arrive as they were sent", bodies.Status == 0 && Counts(bodies.Output, "", 0) ? null : bodies.Output);

        foreach (var (fault, verdict) in Faults)
        {
            var (ended, said) = await AskAsync(fault, bodySize: 0, folder, cancel);
            yield return ($"a backend's '{fault}' is found to be {verdict}", ended == 3 && Counts(said, verdict, Hit) ? null : said);
        }

        // 200 ms without a turn at 1,000/s: 200 of the 1,000 measured requests were due meanwhile, the first of them 200 ms before its end. A closed
        // loop would have counted the stall once for each connection.
        var (_, stalled) = await AskAsync("stall", bodySize: 0, folder, cancel, "--warm-up", "0");
        yield return (
            "a stall is charged to every request that was due in it",
            Value(stalled, "max") >= 190_000 && Value(stalled, "p90") >= 50_000 && Value(stalled, "waited") > 0 ? null : stalled);

        await foreach (var result in MergedAsync(folder, cancel))
        {
            yield return result;
        }

        await foreach (var result in HandshakeCheck.ResultsAsync(folder, cancel))
        {
            yield return result;
        }
    }

    /// <summary>The generator that is its own backend.</summary>
    private static async IAsyncEnumerable<(string Name, string? Wrong)> MergedAsync(
        string folder, [EnumeratorCancellation] CancellationToken cancel)
    {
        // Two turns through the loopback and nothing else: more than a microsecond, and half of them in less than two milliseconds on any machine.
        var (status, output) = await AskMergedAsync(null, bodySize: 0, folder, cancel);
        yield return (
            "its own backend has nothing to answer for, and answers soon",
            status == 0 && Counts(output, "", 0) && Value(output, "p50") is > 1 and < 2000 && Value(output, "busy") is > 0 and < 100 ? null : output);

        (status, output) = await AskMergedAsync(null, bodySize: 3000, folder, cancel);
        yield return ("request bodies arrive at its own backend as they were sent", status == 0 && Counts(output, "", 0) ? null : output);

        foreach (var (fault, verdict) in Faults)
        {
            (status, output) = await AskMergedAsync(fault, bodySize: 0, folder, cancel);
            yield return ($"its own backend's '{fault}' is found to be {verdict}", status == 3 && Counts(output, verdict, Hit) ? null : output);
        }

        // What keeps the thread from its backend keeps it from sending, too: the latencies must have it all the same, and the lag must say so.
        (_, output) = await AskMergedAsync("stall", bodySize: 0, folder, cancel, "--warm-up", "0");
        yield return (
            "a stall of the generator itself is in its lag and in the latencies",
            Value(output, "max") >= 190_000 && Value(output, "p90") >= 50_000 && Value(output, "lag_max") >= 190_000 ? null : output);
    }

    private static async Task<(int Status, string Output)> AskAsync(
        string? fault, int bodySize, string folder, CancellationToken cancel, params string[] more)
    {
        await using var stage = StageIn(folder, $"beside-{fault ?? "sound"}-{bodySize}");
        var backend = await stage.StartLedgerBackendAsync(fault, cancel);
        var generator = await stage.OpenLoopAsync(backend, "/", cancel);
        return await generator.TryAsync(backend.Port, Rate, Duration, [.. Patience, "--body-size", $"{bodySize}", .. more], cancel);
    }

    private static async Task<(int Status, string Output)> AskMergedAsync(
        string? fault, int bodySize, string folder, CancellationToken cancel, params string[] more)
    {
        await using var stage = StageIn(folder, $"merged-{fault ?? "sound"}-{bodySize}");
        var standIn = await stage.StartLedgerBackendAsync(fault: null, cancel);
        var generator = await stage.TakeOverAsync(standIn, "/", cancel);
        string[] wrong = fault is null ? [] : ["--fault", fault];
        return await generator.TryAsync(standIn.Port, Rate, Duration, [.. Patience, "--body-size", $"{bodySize}", .. wrong, .. more], cancel);
    }

    private static Stage StageIn(string folder, string name) => new(new LoadOptions(), Directory.CreateDirectory(Path.Combine(folder, name)).FullName);

    /// <summary>Whether one verdict, and no other, has its count.</summary>
    private static bool Counts(string output, string verdict, int count) => Verdicts.All(v => (int)Value(output, v) == (v == verdict ? count : 0));

    private static double Value(string output, string name)
    {
        using var json = JsonDocument.Parse(output.Split('\n').Last(l => l.StartsWith('{')));
        return json.RootElement.GetProperty(name).GetDouble();
    }
}

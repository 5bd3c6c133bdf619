using System.Globalization;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>Runs many clients at once against one proxy and one backend, until the proxy has judged as many requests as there are cases.</summary>
internal static class ConnectionRun
{
    private const int Clients = 16;
    private const long MaxGrowth = 64L * 1024 * 1024;

    /// <summary>Runs the cases and writes what was found. True where nothing was.</summary>
    public static bool Run(FuzzOptions options, TextWriter output) => RunAsync(options, output).GetAwaiter().GetResult();

    private static async Task<bool> RunAsync(FuzzOptions options, TextWriter output)
    {
        var markers = new Markers(options.Seed);
        var findings = new Findings();
        using var backend = new Backend(markers, findings, options.Seed);
        var sessions = options.First - 1;
        var judged = 0L;
        var heldEarly = 0L;
        await using (var proxy = new ProxyUnderTest(backend.Port))
        {
            await Task.WhenAll(Enumerable.Range(0, (int)Math.Min(Clients, options.Cases)).Select(_ => Task.Factory.StartNew(
                Play, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
            if (await proxy.WhatIsLeftAsync() is { } left)
            {
                findings.Add(-1, left);
            }

            judged = proxy.Judged;
            if (heldEarly > 0 && Held() - heldEarly is var growth and > MaxGrowth)
            {
                findings.Add(-1, $"the heap grew by {growth} bytes since the first quarter of the run");
            }

            foreach (var bug in proxy.Bugs)
            {
                findings.Add(-1, bug);
            }

            void Play()
            {
                var client = new Client(markers, findings, proxy.Port);
                while (!findings.Any && proxy.Bugs.IsEmpty && Volatile.Read(ref judged) < options.Cases)
                {
                    var id = Interlocked.Increment(ref sessions);
                    client.Play(new Session(id, options.Seed, markers.Of(id)));
                    if (options.Cases < 1000 || id % 64 == 0)
                    {
                        Volatile.Write(ref judged, proxy.Judged);
                        if (judged > options.Cases / 4 && Interlocked.CompareExchange(ref heldEarly, 1, 0) == 0)
                        {
                            Volatile.Write(ref heldEarly, Held());
                        }
                    }
                }
            }
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{sessions - options.First + 1} connections, {judged} requests judged, {backend.Requests} reached the backend, resident {Environment.WorkingSet >> 20} MiB"));
        return Report(options, findings, output);
    }

    private static long Held() => GC.GetTotalMemory(forceFullCollection: true);

    private static bool Report(FuzzOptions options, Findings findings, TextWriter output)
    {
        foreach (var (session, problem) in findings.All.Take(10))
        {
            output.WriteLine($"FAILED: {problem}");
            output.WriteLine(session < 0 ? $"replay: as this run, with --seed {options.Seed} --first {options.First}" : $"replay: {options.ReplayOf(session)}");
        }

        return !findings.Any;
    }
}

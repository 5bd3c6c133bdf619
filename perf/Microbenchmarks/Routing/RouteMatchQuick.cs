using System.Diagnostics;
using System.Globalization;

namespace KubeProxyNet.Microbenchmarks.Routing;

/// <summary>The figures of <see cref="RouteMatchBenchmarks"/> within seconds, without processes of their own: best of several rounds.</summary>
internal static class RouteMatchQuick
{
    private const int WarmUpRounds = 60;
    private const int Rounds = 40;

    public static void Run(TextWriter output)
    {
        // Enough calls, with pauses, for the last tier of the compiler to be in place before the first figure.
        var warmUp = RouteMatchScenario.Names.Select(name => RouteMatchScenario.Create(name, 100)).ToArray();
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(2))
        {
            Array.ForEach(warmUp, scenario => Measure(scenario));
        }

        output.WriteLine("| table | size | ns a match | of size 10 | bytes a match | compile ms | kB a route |");
        output.WriteLine("|---|---:|---:|---:|---:|---:|---:|");
        foreach (var name in RouteMatchScenario.Names)
        {
            var smallest = 0.0;
            foreach (var size in RouteMatchScenario.Sizes)
            {
                var (scenario, compile, kilobytes) = Compile(name, size);
                var (nanoseconds, bytes) = Measure(scenario);
                smallest = smallest == 0 ? nanoseconds : smallest;
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {name} | {size} | {nanoseconds:F0} | {nanoseconds / smallest:F2} | {bytes:F2} | {compile:F1} | {kilobytes:F2} |"));
            }
        }
    }

    /// <summary>Time to compile the configuration once more, and what the second table occupies besides the configuration.</summary>
    private static (RouteMatchScenario Scenario, double Milliseconds, double Kilobytes) Compile(string name, int size)
    {
        var scenario = RouteMatchScenario.Create(name, size);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var clock = Stopwatch.StartNew();
        var second = RouteMatchScenario.Compile(scenario.Table.Source);
        var milliseconds = clock.Elapsed.TotalMilliseconds;
        var kilobytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / 1024.0 / size;
        GC.KeepAlive(second);
        return (scenario, milliseconds, kilobytes);
    }

    private static (double Nanoseconds, double Bytes) Measure(RouteMatchScenario scenario)
    {
        for (var i = 0; i < WarmUpRounds; i++)
        {
            if (scenario.AskAll() != RouteMatchScenario.Requests)
            {
                throw new InvalidOperationException($"a request of '{scenario.Name}' found no route");
            }
        }

        var best = double.MaxValue;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Rounds; i++)
        {
            var start = Stopwatch.GetTimestamp();
            scenario.AskAll();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / RouteMatchScenario.Requests);
        }

        return (best, (GC.GetAllocatedBytesForCurrentThread() - allocated) / (double)(Rounds * RouteMatchScenario.Requests));
    }
}

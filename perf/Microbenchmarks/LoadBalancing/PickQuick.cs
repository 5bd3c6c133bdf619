using System.Diagnostics;
using System.Globalization;

namespace KubeProxyNet.Microbenchmarks.LoadBalancing;

/// <summary>The figures of <see cref="PickBenchmarks"/> within seconds, without processes of their own: best of several rounds.</summary>
internal static class PickQuick
{
    private const int Rounds = 200;

    public static void Run(TextWriter output)
    {
        // Enough calls, with pauses, for the last tier of the compiler to be in place before the first figure.
        foreach (var name in PickScenario.Names)
        {
            using var scenario = PickScenario.Create(name, 100);
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed < TimeSpan.FromMilliseconds(500))
            {
                scenario.PickAll();
            }
        }

        output.WriteLine("| policy | endpoints | balancer | ns a pick | of 10 endpoints | bytes a pick |");
        output.WriteLine("|---|---:|---|---:|---:|---:|");
        foreach (var name in PickScenario.Names)
        {
            var smallest = 0.0;
            foreach (var size in PickScenario.Sizes)
            {
                using var scenario = PickScenario.Create(name, size);
                var (nanoseconds, bytes) = Measure(scenario);
                smallest = smallest == 0 ? nanoseconds : smallest;
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {size} | {scenario.Policy} | {nanoseconds:F1} | {nanoseconds / smallest:F2} | {bytes:F2} |"));
            }
        }
    }

    private static (double Nanoseconds, double Bytes) Measure(PickScenario scenario)
    {
        scenario.PickAll();
        var best = double.MaxValue;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            scenario.PickAll();
            best = Math.Min(best, Stopwatch.GetElapsedTime(began).TotalNanoseconds);
        }

        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        return (best / PickScenario.Picks, (double)bytes / (Rounds * PickScenario.Picks));
    }
}

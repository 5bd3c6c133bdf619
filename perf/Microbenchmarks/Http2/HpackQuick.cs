using System.Diagnostics;
using System.Globalization;

namespace KubeProxyNet.Microbenchmarks.Http2;

/// <summary>Both directions of HPACK within seconds: best of several rounds.</summary>
internal static class HpackQuick
{
    private const int Rounds = 200;

    public static void Run(TextWriter output)
    {
        output.WriteLine("| blocks | bytes a block | ns to encode | ns to decode | bytes of the heap |");
        output.WriteLine("|---|---:|---:|---:|---:|");
        var scenarios = HpackScenario.Names.Select(HpackScenario.Create).ToArray();

        // Long enough for the last tier of the compiler to be in place before the first figure.
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(1.5))
        {
            Array.ForEach(scenarios, static scenario => Measure(scenario, 1));
        }

        foreach (var scenario in scenarios)
        {
            var (encode, decode, bytes) = Measure(scenario, Rounds);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {scenario.Name} | {scenario.BlockLength:F1} | {encode:F0} | {decode:F0} | {bytes:F2} |"));
        }
    }

    // Each block is decoded as often as it was encoded, and in the same order, so that both tables agree.
    private static (double Encode, double Decode, double Bytes) Measure(HpackScenario scenario, int rounds)
    {
        var (encode, decode) = (double.MaxValue, double.MaxValue);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < rounds; i++)
        {
            var start = Stopwatch.GetTimestamp();
            scenario.DecodeAll();
            var middle = Stopwatch.GetTimestamp();
            scenario.EncodeAll();
            decode = Math.Min(decode, Stopwatch.GetElapsedTime(start, middle).TotalNanoseconds / HpackScenario.Blocks);
            encode = Math.Min(encode, Stopwatch.GetElapsedTime(middle).TotalNanoseconds / HpackScenario.Blocks);
        }

        return (encode, decode, (GC.GetAllocatedBytesForCurrentThread() - allocated) / (double)(rounds * HpackScenario.Blocks));
    }
}

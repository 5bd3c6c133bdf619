using BenchmarkDotNet.Attributes;

namespace KubeProxyNet.Microbenchmarks.Http2;

/// <summary>Cost of a header block by what it holds. Decoding includes the encoding of the same blocks, since both tables move together.</summary>
[MemoryDiagnoser]
public class HpackBenchmarks
{
    private HpackScenario _scenario = null!;

    public static IEnumerable<string> Scenarios => HpackScenario.Names;

    [ParamsSource(nameof(Scenarios))]
    public string Scenario { get; set; } = "";

    [GlobalSetup]
    public void Create() => _scenario = HpackScenario.Create(Scenario);

    [Benchmark(OperationsPerInvoke = HpackScenario.Blocks)]
    public int EncodeAndDecode() => _scenario.DecodeAll() + _scenario.EncodeAll();
}

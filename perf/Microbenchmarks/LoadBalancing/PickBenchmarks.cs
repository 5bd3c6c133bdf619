using BenchmarkDotNet.Attributes;

namespace KubeProxyNet.Microbenchmarks.LoadBalancing;

/// <summary>Cost of one pick by policy and number of endpoints.</summary>
[MemoryDiagnoser]
public class PickBenchmarks
{
    private PickScenario _scenario = null!;

    public static IEnumerable<string> Scenarios => PickScenario.Names;

    public static IEnumerable<int> Sizes => PickScenario.Sizes;

    [ParamsSource(nameof(Scenarios))]
    public string Scenario { get; set; } = "";

    [ParamsSource(nameof(Sizes))]
    public int Size { get; set; }

    [GlobalSetup]
    public void Build() => _scenario = PickScenario.Create(Scenario, Size);

    [GlobalCleanup]
    public void End() => _scenario.Dispose();

    [Benchmark(OperationsPerInvoke = PickScenario.Picks)]
    public int Pick() => _scenario.PickAll();
}

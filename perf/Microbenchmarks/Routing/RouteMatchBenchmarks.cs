using BenchmarkDotNet.Attributes;

namespace KubeProxyNet.Microbenchmarks.Routing;

/// <summary>Cost of one route match by kind and size of the table; each operation is one request.</summary>
[MemoryDiagnoser]
public class RouteMatchBenchmarks
{
    private RouteMatchScenario _scenario = null!;

    public static IEnumerable<string> Tables => RouteMatchScenario.Names;

    public static IEnumerable<int> Sizes => RouteMatchScenario.Sizes;

    [ParamsSource(nameof(Tables))]
    public string Table { get; set; } = "";

    [ParamsSource(nameof(Sizes))]
    public int Size { get; set; }

    [GlobalSetup]
    public void Compile() => _scenario = RouteMatchScenario.Create(Table, Size);

    [Benchmark(OperationsPerInvoke = RouteMatchScenario.Requests)]
    public int Match() => _scenario.AskAll();
}

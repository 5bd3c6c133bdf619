using BenchmarkDotNet.Running;
using KubeProxyNet.Microbenchmarks.Routing;

// "-- --quick" prints a table within seconds; anything else goes to BenchmarkDotNet ("-- --filter '*'").
if (args is ["--quick", ..])
{
    RouteMatchQuick.Run(Console.Out);
    return 0;
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;

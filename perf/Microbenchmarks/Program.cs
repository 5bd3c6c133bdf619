using BenchmarkDotNet.Running;
using KubeProxyNet.Microbenchmarks.Http2;
using KubeProxyNet.Microbenchmarks.Routing;

// "-- --quick" prints tables within seconds, "-- --quick hpack" those of HPACK alone; anything else goes to BenchmarkDotNet ("-- --filter '*'").
if (args is ["--quick", ..])
{
    if (args is not [_, "hpack"])
    {
        RouteMatchQuick.Run(Console.Out);
    }

    HpackQuick.Run(Console.Out);
    return 0;
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;

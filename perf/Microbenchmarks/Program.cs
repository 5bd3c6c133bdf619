using BenchmarkDotNet.Running;
using KubeProxyNet.Microbenchmarks.Http2;
using KubeProxyNet.Microbenchmarks.LoadBalancing;
using KubeProxyNet.Microbenchmarks.Routing;

// "-- --quick" prints tables within seconds, "-- --quick routes", "hpack" or "picks" one of them; anything else goes to BenchmarkDotNet ("-- --filter '*'").
if (args is ["--quick", ..])
{
    var only = args.ElementAtOrDefault(1);
    if (only is null or "routes")
    {
        RouteMatchQuick.Run(Console.Out);
    }

    if (only is null or "hpack")
    {
        HpackQuick.Run(Console.Out);
    }

    if (only is null or "picks")
    {
        PickQuick.Run(Console.Out);
    }

    return 0;
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;

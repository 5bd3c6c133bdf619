using System.Globalization;

namespace KubeProxyNet.Load;

/// <summary>What is asked of each connection.</summary>
internal enum Scenario
{
    /// <summary>A small body over connections that are kept, as fast as it goes.</summary>
    KeepAlive,

    /// <summary>A client connection for each request; the upstream ones are kept.</summary>
    Close,

    /// <summary>A body of 256 KiB unless --body-size says otherwise.</summary>
    Large,

    /// <summary>As KeepAlive, but each connection pauses so that about --rate requests a second are asked for.</summary>
    Rate,
}

/// <summary>The command line of a comparison.</summary>
internal sealed record LoadOptions
{
    public const string Usage = """
        Compares proxies side by side: CPU time a request, requests a second, latency, memory. Loopback only; stops by itself.

          dotnet run -c Release --project perf/Load -- [options]

          --only NAMES         comma-separated, of: nginx, haproxy, yarp, relay, kpn (all)
          --scenario NAME      keepalive (default), close, large, rate
          --rounds N           measurements of each proxy; medians are printed (5)
          --duration SECONDS   of one measurement (4)
          --connections N      of the load generator (64)
          --body-size BYTES    of the backend's answer (50; 262144 in 'large')
          --rate N             requests a second in 'rate' (10000)
          --routes N           kpn only: routes of the one virtual host; the last one is asked for (1)
          --kpn PATH           the kpn binary (default: published here with NativeAOT)
          --out FILE           also writes the table with its circumstances as Markdown
        """;

    public IReadOnlyList<string> Only { get; private init; } = ["nginx", "haproxy", "yarp", "relay", "kpn"];

    public Scenario Scenario { get; private init; }

    public int Rounds { get; private init; } = 5;

    public int DurationSeconds { get; private init; } = 4;

    public int Connections { get; private init; } = 64;

    /// <summary>In bytes.</summary>
    public int BodySize { get; private init; } = 50;

    /// <summary>Requests a second, over all connections, in <see cref="Scenario.Rate"/>.</summary>
    public int Rate { get; private init; } = 10_000;

    public int Routes { get; private init; } = 1;

    /// <summary>Null: publish it.</summary>
    public string? KpnPath { get; private init; }

    public string? OutFile { get; private init; }

    /// <summary>The request target, the same for every proxy.</summary>
    public string Path => Routes == 1 ? "/" : $"/route-{Routes - 1}/";

    /// <summary>Throws <see cref="FormatException"/> with what is wrong.</summary>
    public static LoadOptions Parse(IReadOnlyList<string> args)
    {
        var options = new LoadOptions();
        var bodySizeGiven = false;
        for (var i = 0; i < args.Count; i += 2)
        {
            var name = args[i];
            var value = i + 1 < args.Count ? args[i + 1] : throw new FormatException($"{name} needs a value");
            bodySizeGiven |= name == "--body-size";
            options = name switch
            {
                "--only" => options with { Only = Names(value) },
                "--scenario" => options with { Scenario = ScenarioOf(value) },
                "--rounds" => options with { Rounds = Number(name, value, 100) },
                "--duration" => options with { DurationSeconds = Number(name, value, 600) },
                "--connections" => options with { Connections = Number(name, value, 8_000) },
                "--body-size" => options with { BodySize = Number(name, value, 1 << 28) },
                "--rate" => options with { Rate = Number(name, value, 1_000_000) },
                "--routes" => options with { Routes = Number(name, value, 100_000) },
                "--kpn" => options with { KpnPath = System.IO.Path.GetFullPath(value) },
                "--out" => options with { OutFile = System.IO.Path.GetFullPath(value) },
                _ => throw new FormatException($"unknown option {name}"),
            };
        }

        return options.Scenario == Scenario.Large && !bodySizeGiven ? options with { BodySize = 256 * 1024 } : options;
    }

    private static string[] Names(string value)
    {
        var names = value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var unknown = names.Except(new LoadOptions().Only).FirstOrDefault();
        return unknown is null ? names : throw new FormatException($"--only: there is no '{unknown}'");
    }

    private static Scenario ScenarioOf(string value) => Enum.TryParse<Scenario>(value, ignoreCase: true, out var scenario) && !char.IsDigit(value[0])
        ? scenario
        : throw new FormatException($"--scenario: there is no '{value}'");

    private static int Number(string name, string value, int max) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= max
            ? number
            : throw new FormatException($"{name} takes a number from 1 to {max}, not '{value}'");
}

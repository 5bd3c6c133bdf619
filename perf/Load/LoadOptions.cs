using System.Globalization;
using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Scenarios;

namespace KubeProxyNet.Load;

/// <summary>What the rates of <see cref="Scenario.Tail"/> are half of.</summary>
internal enum TailRate
{
    /// <summary>Each proxy's own capacity.</summary>
    Own,

    /// <summary>kpn's capacity, for all.</summary>
    Kpn,
}

/// <summary>When the open-loop generator sends.</summary>
internal enum Schedule
{
    /// <summary>At equal intervals.</summary>
    Constant,

    /// <summary>At exponentially distributed intervals, as independent clients would; the seed is the round.</summary>
    Poisson,
}

/// <summary>The command line of a comparison.</summary>
internal sealed record LoadOptions
{
    public const string Usage = """
        Compares proxies side by side: CPU time a request, requests a second, latency, memory. Loopback only; stops by itself.

          dotnet run -c Release --project perf/Load -- [options]

          --only NAMES         comma-separated, of: nginx, haproxy, yarp, relay, relay-uring, kpn (depends on the scenario)
          --scenario NAME      keepalive (default), close, large, rate, tail, scale, idle, overload, where; all: the table of goals
                               tls-keepalive, tls-large, tls-full, tls-resumed, tls-idle; tls: the table of goals over TLS
                               http2-small, http2-tls, http2-grpc, http2-bulk; http2: the table of goals over HTTP/2
          --rounds N           measurements of each proxy; medians are printed (10, by requests 40)
          --duration SECONDS   of one measurement (4)
          --requests N         of one measurement, in place of its duration: many short ones in turn for a restless machine (--rounds is 40 then).
                               For comparisons of CPU time a request and 'scale'
          --connections N      of the load generator (64; over HTTP/2 16, with 32 streams each)
          --body-size BYTES    of the backend's answer (50; 100000 in 'large' and 'tls-large', 10000000 in 'http2-bulk')
          --rate N             requests a second in 'rate' (1000)
          --tail-rate OF       'tail' sends half of: own (each proxy's own capacity, default), kpn (the same for all)
          --schedule NAME      of the open-loop generator in 'tail' and 'rate': constant (default), poisson
          --idle N             connections of 'idle' and 'tls-idle' (10000)
          --entries N          routes and clusters of the large table in 'scale' (10000)
          --routes N           kpn only: routes of the one virtual host; all of them are asked for in turn (1)
          --kpn PATH           the kpn binary (default: published here with NativeAOT)
          --before PATH        an earlier kpn binary, to compare with
          --out FILE           also writes the result with its circumstances as Markdown
        """;

    private static readonly string[] Http2Names = ["nginx", "haproxy", "kpn"];

    private static readonly string[] AllNames = ["nginx", "haproxy", "yarp", "relay", "relay-uring", "kpn"];

    /// <summary>Null: those that the scenario is about.</summary>
    public IReadOnlyList<string>? Only { get; private init; }

    public Scenario Scenario { get; init; }

    /// <summary>Null: as many as measurements of that length need.</summary>
    public int? RoundsAsked { get; private init; }

    public int Rounds => RoundsAsked ?? (Requests is null ? 10 : 40);

    /// <summary>Of one measurement; null: it goes by <see cref="DurationSeconds"/>.</summary>
    public int? Requests { get; private init; }

    /// <summary>One measurement of a comparison.</summary>
    public Slice Slice => new(TimeSpan.FromSeconds(DurationSeconds), Requests);

    public int DurationSeconds { get; private init; } = 4;

    /// <summary>Null: what the scenario is about.</summary>
    public int? ConnectionsAsked { get; private init; }

    public int Connections => ConnectionsAsked ?? 64;

    /// <summary>In bytes; null: what the scenario is about.</summary>
    public int? GivenBodySize { get; private init; }

    /// <summary>In bytes.</summary>
    public int BodySize => GivenBodySize ?? (Scenario == Scenario.Http2Bulk ? 10_000_000 : LargeBodies ? 100_000 : 50);

    /// <summary>Whether the scenario is about large bodies: proxies get the settings with which they do those best.</summary>
    public bool LargeBodies => Scenario is Scenario.Large or Scenario.TlsLarge or Scenario.Http2Bulk;

    /// <summary>Requests a second, over all connections, in <see cref="Scenario.Rate"/>.</summary>
    public int Rate { get; private init; } = 1000;

    public TailRate TailRate { get; private init; }

    public Schedule Schedule { get; private init; }

    public int IdleConnections { get; private init; } = 10_000;

    public int Entries { get; private init; } = 10_000;

    public int Routes { get; private init; } = 1;

    /// <summary>Null: publish it.</summary>
    public string? KpnPath { get; init; }

    /// <summary>Null: none takes part.</summary>
    public string? BeforePath { get; private init; }

    public string? OutFile { get; private init; }

    /// <summary>The proxies of a scenario: those asked for, or its usual ones, without those that cannot do its job.</summary>
    public IReadOnlyList<string> Contenders()
    {
        // The relay cannot end a client's connection after an answer, as it does not know where the answer ends, nor share upstream connections, nor speak TLS.
        if (Scenario.IsHttp2())
        {
            return [.. (Only ?? Http2Names).Intersect(Http2Names), .. Earlier];
        }

        string[] usual = Scenario is Scenario.KeepAlive or Scenario.Large or Scenario.Rate or Scenario.TlsKeepAlive or Scenario.TlsLarge && Only is null && !InTable
            ? AllNames
            : ["nginx", "haproxy", "relay", "kpn"];
        var able = Scenario is Scenario.Close or Scenario.Idle || Scenario.IsTls() ? AllNames.Except(["relay", "relay-uring"]) : AllNames;
        return [.. (Only ?? usual).Intersect(able), .. Earlier];
    }

    private string[] Earlier => BeforePath is null ? [] : [Contender.Before];

    /// <summary>Whether this scenario is run as a part of a table, <see cref="ScenarioNames.IsTable"/>.</summary>
    public bool InTable { get; init; }

    /// <summary>Throws <see cref="FormatException"/> with what is wrong.</summary>
    public static LoadOptions Parse(IReadOnlyList<string> args)
    {
        var options = new LoadOptions();
        for (var i = 0; i < args.Count; i += 2)
        {
            var name = args[i];
            var value = i + 1 < args.Count ? args[i + 1] : throw new FormatException($"{name} needs a value");
            options = name switch
            {
                "--only" => options with { Only = Names(value) },
                "--scenario" => options with { Scenario = ScenarioOf(name, value) },
                "--rounds" => options with { RoundsAsked = Number(name, value, 1000) },
                "--duration" => options with { DurationSeconds = Number(name, value, 600) },
                "--requests" => options with { Requests = Number(name, value, 1 << 30) },
                "--connections" => options with { ConnectionsAsked = Number(name, value, 8_000) },
                "--body-size" => options with { GivenBodySize = Number(name, value, 1 << 28) },
                "--rate" => options with { Rate = Number(name, value, 100_000) },
                "--tail-rate" => options with { TailRate = Named<TailRate>(name, value) },
                "--schedule" => options with { Schedule = Named<Schedule>(name, value) },
                "--idle" => options with { IdleConnections = Number(name, value, 19_000) },
                "--entries" => options with { Entries = Number(name, value, 100_000) },
                "--routes" => options with { Routes = Number(name, value, 100_000) },
                "--kpn" => options with { KpnPath = Path.GetFullPath(value) },
                "--before" => options with { BeforePath = Path.GetFullPath(value) },
                "--out" => options with { OutFile = Path.GetFullPath(value) },
                _ => throw new FormatException($"unknown option {name}"),
            };
        }

        return options.Requests is null || options.Scenario.GoesByRequests()
            ? options
            : throw new FormatException($"--requests: '{options.Scenario.Word()}' goes by time");
    }

    private static string[] Names(string value)
    {
        var names = value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var unknown = names.Except(AllNames).FirstOrDefault();
        return unknown is null ? names : throw new FormatException($"--only: there is no '{unknown}'");
    }

    private static Scenario ScenarioOf(string option, string value) => Enum.GetValues<Scenario>().Where(s => s.Word().Equals(value, StringComparison.OrdinalIgnoreCase)) is var found
        && found.Any() ? found.First() : throw new FormatException($"{option}: there is no '{value}'");

    private static T Named<T>(string option, string value)
        where T : struct, Enum => Enum.TryParse<T>(value, ignoreCase: true, out var named) && !char.IsDigit(value[0])
        ? named
        : throw new FormatException($"{option}: there is no '{value}'");

    private static int Number(string name, string value, int max) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= max
            ? number
            : throw new FormatException($"{name} takes a number from 1 to {max}, not '{value}'");
}

using System.Globalization;

namespace KubeProxyNet.Load.Soak;

/// <summary>The command line of the soak.</summary>
/// <param name="KpnPath">The binary.</param>
/// <param name="Minutes">How long.</param>
internal sealed record SoakOptions(string KpnPath, int Minutes)
{
    /// <summary>The first argument that chooses it.</summary>
    public const string Subcommand = "soak";

    public const string Usage = """
        Mixed traffic for minutes: kept GETs, POSTs with a length and in chunks, new connections, large bodies, WebSockets, clients that leave. Ids and
        hashes of bodies are held against the backend's ledger. Prints memory, descriptors and blocks each minute; fails where a request was lost or
        wrong, or where memory after the second minute grows by more than a tenth.

          dotnet run -c Release --project perf/Load -- soak --kpn PATH [--minutes N]

          --kpn PATH           the kpn binary
          --minutes N          at least 3 (10)
        """;

    /// <summary>Throws <see cref="FormatException"/> with what is wrong.</summary>
    public static SoakOptions Parse(IReadOnlyList<string> args)
    {
        var options = new SoakOptions("", 10);
        for (var i = 0; i < args.Count; i += 2)
        {
            var value = i + 1 < args.Count ? args[i + 1] : throw new FormatException($"{args[i]} needs a value");
            options = args[i] switch
            {
                "--kpn" => options with { KpnPath = Path.GetFullPath(value) },
                "--minutes" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) && minutes is >= 3 and <= 1440 =>
                    options with { Minutes = minutes },
                _ => throw new FormatException($"{args[i]} {value}: unknown, or out of range"),
            };
        }

        return File.Exists(options.KpnPath) ? options : throw new FormatException("--kpn: give the path of a kpn binary");
    }
}

using System.Globalization;

namespace KubeProxyNet.Load.Update;

/// <summary>The command line of the measurement of updates.</summary>
internal sealed record UpdateOptions
{
    /// <summary>The first argument that chooses this measurement.</summary>
    public const string Subcommand = "update";

    public const string Usage = """
        Measures how long a changed EndpointSlice takes from its file to the first answer of the new endpoint, under load: control plane and
        proxy as processes of their own, a folder of Services, a new file renamed into place for each change. A failed request fails the run.

          dotnet run -c Release --project perf/Load -- update --kpn PATH [options]

          --kpn PATH           the kpn binary
          --services N         Services, each with a slice and an Ingress (1000)
          --changes N          changes that are measured (50)
          --clients N          clients that ask without a pause (4)
          --out FILE           also writes the figures with their circumstances as Markdown
        """;

    public string KpnPath { get; private init; } = "";

    public int Services { get; private init; } = 1000;

    public int Changes { get; private init; } = 50;

    public int Clients { get; private init; } = 4;

    /// <summary>Null for none.</summary>
    public string? OutFile { get; private init; }

    /// <summary>Throws <see cref="FormatException"/> with what is wrong.</summary>
    public static UpdateOptions Parse(IReadOnlyList<string> args)
    {
        var options = new UpdateOptions();
        for (var i = 0; i < args.Count; i += 2)
        {
            var value = i + 1 < args.Count ? args[i + 1] : throw new FormatException($"{args[i]} needs a value");
            options = args[i] switch
            {
                "--kpn" => options with { KpnPath = Path.GetFullPath(value) },
                "--services" => options with { Services = Number(args[i], value) },
                "--changes" => options with { Changes = Number(args[i], value) },
                "--clients" => options with { Clients = Number(args[i], value) },
                "--out" => options with { OutFile = Path.GetFullPath(value) },
                _ => throw new FormatException($"unknown option {args[i]}"),
            };
        }

        return File.Exists(options.KpnPath) ? options : throw new FormatException("--kpn: give the path of a kpn binary");
    }

    private static int Number(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= 100_000
            ? number
            : throw new FormatException($"{name} takes a number from 1 to 100000, not '{value}'");
}

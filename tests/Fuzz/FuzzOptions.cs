using System.Globalization;

namespace KubeProxyNet.Fuzz;

/// <summary>What to run.</summary>
/// <param name="Target">One of <see cref="Targets"/>.</param>
/// <param name="Cases">How many cases; for connections, how many requests the proxy is to judge.</param>
/// <param name="Seed">Of all random numbers.</param>
/// <param name="First">Index of the first case; for connections, of the first connection.</param>
internal sealed record FuzzOptions(string Target, long Cases, ulong Seed, long First)
{
    public const string Targets = "request, response, chunked, hpack, frames, connection";

    /// <summary>Reads the arguments behind the verb; null where they are none.</summary>
    public static FuzzOptions? Parse(ReadOnlySpan<string> arguments)
    {
        var options = new FuzzOptions("", 100_000, (ulong)DateTime.UtcNow.Date.Ticks / TimeSpan.TicksPerDay, 0);
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length)
            {
                return null;
            }

            var value = arguments[i + 1];
            var isNumber = ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            options = arguments[i] switch
            {
                "--target" => options with { Target = value },
                "--cases" when isNumber && number > 0 => options with { Cases = (long)number },
                "--seed" when isNumber => options with { Seed = number },
                "--first" when isNumber => options with { First = (long)number },
                _ => null,
            };
            if (options is null)
            {
                return null;
            }
        }

        return options.Target.Length == 0 ? null : options;
    }

    /// <summary>The command that runs one case again.</summary>
    public string ReplayOf(long index) => $"dotnet run --project tests/Fuzz -- run --target {Target} --seed {Seed} --first {index} --cases 1";
}

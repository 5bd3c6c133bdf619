namespace KubeProxyNet.Load.Scenarios;

/// <summary>Runs scenarios one after the other; of a table those that have a goal.</summary>
internal static class WholeTable
{
    private static readonly Scenario[] Parts =
    [
        Scenario.KeepAlive, Scenario.Large, Scenario.Close, Scenario.Tail, Scenario.Rate, Scenario.Scale, Scenario.Idle, Scenario.Overload, Scenario.Where,
    ];

    private static readonly Scenario[] Http2Parts = [Scenario.Http2Small, Scenario.Http2Tls, Scenario.Http2Grpc, Scenario.Http2Bulk];

    private static readonly Scenario[] TlsParts =
        [Scenario.TlsKeepAlive, Scenario.TlsLarge, Scenario.TlsFull, Scenario.TlsResumed, Scenario.TlsIdle];

    /// <summary>Hands out each outcome as soon as it is there. One that failed in the table is an outcome too, with a goal that is not met.</summary>
    public static async IAsyncEnumerable<Outcome> RunAsync(
        LoadOptions options, string folder, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        if (!options.Scenario.IsTable())
        {
            yield return await RunOneAsync(options, folder, cancel);
            yield break;
        }

        foreach (var part in PartsOf(options.Scenario))
        {
            Outcome outcome;
            try
            {
                outcome = await RunOneAsync(options with { Scenario = part, InTable = true }, folder, cancel);
            }
            catch (LoadException e)
            {
                await Console.Error.WriteLineAsync(e.Message);
                outcome = new Outcome($"{part.Word()}: failed", $"```\n{e.Message}\n```\n", [new Goal($"{part}", "it runs", "it failed", false)], []);
            }

            yield return outcome;
        }
    }

    private static Scenario[] PartsOf(Scenario table) => table switch
    {
        Scenario.Tls => TlsParts,
        Scenario.Http2 => Http2Parts,
        _ => Parts,
    };

    private static async Task<Outcome> RunOneAsync(LoadOptions options, string folder, CancellationToken cancel)
    {
        var own = Directory.CreateDirectory(Path.Combine(folder, $"{options.Scenario}")).FullName;
        await using var stage = new Stage(options, own);
        return await (options.Scenario switch
        {
            Scenario.Tail => Tail.RunAsync(stage, cancel),
            Scenario.Scale => Scale.RunAsync(stage, cancel),
            Scenario.Idle or Scenario.TlsIdle => Idle.RunAsync(stage, cancel),
            Scenario.Overload => Overload.RunAsync(stage, cancel),
            Scenario.Where => Where.RunAsync(stage, cancel),
            _ => Comparison.RunAsync(stage, cancel),
        });
    }
}

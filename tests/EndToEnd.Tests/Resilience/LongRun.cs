namespace KubeProxyNet.EndToEnd.Tests.Resilience;

/// <summary>
/// Tests here have a short form, counted in requests, and a long one that takes minutes and measures: KPN_LONG_RUNS=1 in the environment asks for it.
/// </summary>
internal static class LongRun
{
    /// <summary>True for the long form.</summary>
    public static bool IsAsked { get; } = Environment.GetEnvironmentVariable("KPN_LONG_RUNS") == "1";

    /// <summary>Says what was measured.</summary>
    public static void Report(string figures) => TestContext.Current.TestOutputHelper?.WriteLine(figures);
}

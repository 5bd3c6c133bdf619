namespace KubeProxyNet.Load.Scenarios;

/// <summary>What rounds have in common.</summary>
internal static class Statistics
{
    public static double Median(this IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    public static double Median<T>(this IEnumerable<T> rounds, Func<T, double> value) => rounds.Select(value).Median();
}

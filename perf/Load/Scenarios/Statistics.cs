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

    /// <summary>What a share of the values is below, between two of them in proportion.</summary>
    /// <param name="values">At least one.</param>
    /// <param name="share">From 0 to 1.</param>
    public static double Quantile(this IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        var place = share * (sorted.Length - 1);
        var below = (int)place;
        return below + 1 < sorted.Length ? sorted[below] + ((place - below) * (sorted[below + 1] - sorted[below])) : sorted[below];
    }

    public static double Median<T>(this IEnumerable<T> rounds, Func<T, double> value) => rounds.Select(value).Median();
}

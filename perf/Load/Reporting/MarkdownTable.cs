using System.Globalization;
using System.Text;
using KubeProxyNet.Load.Scenarios;

namespace KubeProxyNet.Load.Reporting;

/// <summary>A table that reads well on the console and is Markdown: the first column to the left, the others to the right.</summary>
internal static class MarkdownTable
{
    public static string Of(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> cells)
    {
        var rows = cells.Prepend(columns).ToList();
        var widths = Enumerable.Range(0, columns.Count).Select(i => rows.Max(row => row[i].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var (index, row) in rows.Index())
        {
            text.Append("| ").AppendJoin(" | ", row.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).AppendLine(" |");
            if (index == 0)
            {
                text.Append("| ").AppendJoin(" | ", widths.Select((w, i) => i == 0 ? new string('-', w) : new string('-', w - 1) + ":")).AppendLine(" |");
            }
        }

        return text.ToString();
    }

    /// <summary>A dash where a tool does not tell the number (NaN).</summary>
    public static string Number(double value, int decimals) => double.IsNaN(value) ? "–" : value.ToString($"F{decimals}", CultureInfo.InvariantCulture);

    /// <summary>The median of some values, and between which the half of them lies that is nearest to it.</summary>
    public static string WithQuartiles(IReadOnlyList<double> values, int decimals) => values.Count < 2
        ? Number(values.Median(), decimals)
        : $"{Number(values.Median(), decimals)} ({Number(values.Quantile(0.25), decimals)} – {Number(values.Quantile(0.75), decimals)})";

    public static string Grouped(double value) => value.ToString("N0", CultureInfo.InvariantCulture);
}

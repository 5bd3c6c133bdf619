using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>Which statistics to show. The default value shows all.</summary>
/// <param name="Pattern">Found anywhere in the name; null shows every name.</param>
/// <param name="UsedOnly">Leaves out what was never written to.</param>
public sealed record StatFilter(Regex? Pattern = null, bool UsedOnly = false)
{
    /// <summary>The longest accepted pattern, in characters.</summary>
    public const int MaxPatternLength = 1024;

    /// <summary>Shows all.</summary>
    public static readonly StatFilter All = new();

    /// <summary>
    /// Reads a pattern in RE2's spirit: linear time, no look-around, no back-references. False with a text for the operator where it
    /// is not one; a null or empty pattern shows every name.
    /// </summary>
    public static bool TryParse(string? pattern, bool usedOnly, out StatFilter filter, [NotNullWhen(false)] out string? error)
    {
        filter = new StatFilter(null, usedOnly);
        error = null;
        if (string.IsNullOrEmpty(pattern))
        {
            return true;
        }

        if (pattern.Length > MaxPatternLength)
        {
            error = $"the pattern has {pattern.Length} characters, at most {MaxPatternLength} are accepted";
            return false;
        }

        try
        {
            const RegexOptions options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;
            filter = filter with { Pattern = new Regex(pattern, options, Regex.InfiniteMatchTimeout) };
            return true;
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            error = $"the pattern is no regular expression that runs in linear time (RE2 syntax): {exception.Message}";
            return false;
        }
    }

    /// <summary>Whether a statistic is shown.</summary>
    /// <param name="prefix">What its name begins with.</param>
    /// <param name="name">The rest of its name.</param>
    /// <param name="isUsed">Whether it was ever written to.</param>
    internal bool Shows(string prefix, string name, bool isUsed)
    {
        if (UsedOnly && !isUsed)
        {
            return false;
        }

        if (Pattern is null)
        {
            return true;
        }

        const int MostOnStack = 512;
        Span<char> full = stackalloc char[MostOnStack];
        return full.TryWrite($"{prefix}{name}", out var length) ? Pattern.IsMatch(full[..length]) : Pattern.IsMatch(prefix + name);
    }
}

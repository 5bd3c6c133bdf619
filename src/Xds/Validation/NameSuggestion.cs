namespace KubeProxyNet.Xds.Validation;

/// <summary>Finds the name that a misspelt one probably means.</summary>
internal static class NameSuggestion
{
    private const int MaxLength = 128;

    /// <summary>The nearest candidate by edit distance, within a third of the length; null where none is near.</summary>
    public static string? Nearest(string name, IEnumerable<string> candidates)
    {
        if (name.Length > MaxLength)
        {
            return null;
        }

        var (best, bestDistance) = ((string?)null, Math.Max(1, name.Length / 3) + 1);
        foreach (var candidate in candidates)
        {
            if (Math.Abs(candidate.Length - name.Length) < bestDistance && candidate.Length <= MaxLength)
            {
                var distance = Distance(name, candidate);
                (best, bestDistance) = distance < bestDistance ? (candidate, distance) : (best, bestDistance);
            }
        }

        return best;
    }

    /// <summary>Optimal string alignment distance: inserts, deletes, replacements and swaps of neighbours; case does not count.</summary>
    private static int Distance(string a, string b)
    {
        Span<int> beforeLast = stackalloc int[MaxLength + 1];
        Span<int> last = stackalloc int[MaxLength + 1];
        Span<int> current = stackalloc int[MaxLength + 1];
        for (var j = 0; j <= b.Length; j++)
        {
            last[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = Same(a[i - 1], b[j - 1]);
                current[j] = Math.Min(Math.Min(last[j], current[j - 1]) + 1, last[j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                {
                    current[j] = Math.Min(current[j], beforeLast[j - 2] + 1);
                }
            }

            var spare = beforeLast;
            beforeLast = last;
            last = current;
            current = spare;
        }

        return last[b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}

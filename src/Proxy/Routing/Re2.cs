using System.Text;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// Turns RE2 expressions, which is what xDS carries, into .NET ones of the same meaning, and refuses what RE2 does not know:
/// look-around, back-references, atomic groups. Source: the syntax page of RE2.
/// Known differences: <c>.</c> takes a character outside the basic plane as two, and <c>\b</c> uses Unicode's word characters.
/// </summary>
internal static class Re2
{
    /// <summary>Longest expression accepted, in characters.</summary>
    public const int MaxPatternLength = 4096;

    /// <summary>Largest number in a counted repetition; RE2's own limit.</summary>
    public const int MaxRepeat = 1000;

    /// <summary>Translates an expression.</summary>
    /// <param name="pattern">RE2 expression.</param>
    /// <param name="translated">The .NET expression; its groups are numbered as RE2 numbers them.</param>
    /// <param name="error">What is wrong, in words for the author of the expression; null where nothing is.</param>
    public static bool TryTranslate(string pattern, out string translated, out string? error)
    {
        if (pattern.Length > MaxPatternLength)
        {
            translated = "";
            error = $"the expression has {pattern.Length} characters, the limit is {MaxPatternLength}";
            return false;
        }

        var translation = new Re2Translation(pattern);
        error = translation.Run();
        translated = error is null ? translation.Output : "";
        return error is null;
    }

    /// <summary>
    /// Bytes with which every match of the whole of <paramref name="pattern"/> starts, as far as they can be read off it. Case-sensitive.
    /// </summary>
    public static string LiteralPrefix(string pattern)
    {
        if (HasTopLevelAlternative(pattern))
        {
            return "";
        }

        var literal = new StringBuilder();
        var i = pattern.StartsWith('^') ? 1 : 0;
        while (i < pattern.Length)
        {
            var c = pattern[i];
            var length = 1;
            if (c == '\\')
            {
                if (i + 1 >= pattern.Length || !char.IsAscii(pattern[i + 1]) || char.IsAsciiLetterOrDigit(pattern[i + 1]))
                {
                    break;
                }

                c = pattern[i + 1];
                length = 2;
            }
            else if (!char.IsAscii(c) || ".+*?()[]{}|^$".Contains(c, StringComparison.Ordinal))
            {
                break;
            }

            // A quantifier belongs to this character alone, which may then be missing.
            if (i + length < pattern.Length && pattern[i + length] is '*' or '?' or '{')
            {
                break;
            }

            literal.Append(c);
            i += length;
        }

        return literal.ToString();
    }

    private static bool HasTopLevelAlternative(string pattern)
    {
        var depth = 0;
        var inClass = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '\\':
                    if (i + 1 < pattern.Length && pattern[i + 1] == 'Q')
                    {
                        // Quoted text: whatever it holds, do not try to be clever.
                        return true;
                    }

                    i++;
                    break;
                case '[' when !inClass:
                    inClass = true;
                    i += i + 1 < pattern.Length && pattern[i + 1] == '^' ? 1 : 0;
                    i += i + 1 < pattern.Length && pattern[i + 1] == ']' ? 1 : 0;
                    break;
                case '[' when i + 1 < pattern.Length && pattern[i + 1] == ':':
                    var end = pattern.IndexOf(":]", i + 2, StringComparison.Ordinal);
                    i = end < 0 ? i : end + 1;
                    break;
                case ']':
                    inClass = false;
                    break;
                case '(' when !inClass:
                    depth++;
                    break;
                case ')' when !inClass:
                    depth--;
                    break;
                case '|' when !inClass && depth == 0:
                    return true;
                default:
                    break;
            }
        }

        return false;
    }
}

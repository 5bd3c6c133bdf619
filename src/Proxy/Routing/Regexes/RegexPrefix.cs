using System.Text;

namespace KubeProxyNet.Proxy.Routing.Regexes;

/// <summary>Reads off a regular expression what every match starts with. Holds for RE2's syntax and .NET's alike: what it does not know ends the prefix.</summary>
internal static class RegexPrefix
{
    /// <summary>
    /// Bytes with which every match of the whole of <paramref name="pattern"/> starts, as far as they can be read off it. Case-sensitive.
    /// </summary>
    public static string Of(string pattern)
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

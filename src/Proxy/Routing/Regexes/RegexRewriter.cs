using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;
using KubeProxyNet.Proxy.Routing.Actions;

namespace KubeProxyNet.Proxy.Routing.Regexes;

/// <summary>A compiled <see cref="RegexSubstitution"/>. Unlike matching it goes through strings: a rewrite by regex costs allocations.</summary>
internal sealed class RegexRewriter
{
    private readonly Regex _search;
    private readonly SubstitutionPart[] _parts;

    private RegexRewriter(Regex search, SubstitutionPart[] parts)
    {
        _search = search;
        _parts = parts;
    }

    public static bool TryCreate(RegexMatcher matcher, string substitution, [NotNullWhen(true)] out RegexRewriter? rewriter, [NotNullWhen(false)] out string? error)
    {
        rewriter = null;
        var parts = new List<SubstitutionPart>();
        var literal = new StringBuilder();
        for (var i = 0; i < substitution.Length; i++)
        {
            if (substitution[i] != '\\')
            {
                literal.Append(substitution[i]);
                continue;
            }

            var next = ++i < substitution.Length ? substitution[i] : '\0';
            if (next == '\\')
            {
                literal.Append('\\');
                continue;
            }

            if (!char.IsAsciiDigit(next))
            {
                error = @"'\' is followed by a group number or by '\'";
                return false;
            }

            if (next - '0' > matcher.Groups)
            {
                error = $@"'\{next}' names a group, and the pattern has {matcher.Groups}";
                return false;
            }

            parts.Add(new SubstitutionPart(literal.ToString(), -1));
            parts.Add(new SubstitutionPart("", next - '0'));
            literal.Clear();
        }

        parts.Add(new SubstitutionPart(literal.ToString(), -1));
        rewriter = new RegexRewriter(matcher.CreateSearch(), [.. parts.Where(part => part.Group >= 0 || part.Literal.Length > 0)]);
        error = null;
        return true;
    }

    /// <summary>Writes the rewritten value; returns the number of bytes.</summary>
    public int Write(ReadOnlySpan<byte> value, IBufferWriter<byte> output) =>
        (int)Encoding.UTF8.GetBytes(ReplaceAll(Encoding.UTF8.GetString(value)), output);

    /// <summary>
    /// Replaces all matches, as RE2's GlobalReplace: from left to right, without overlap, and no empty match right behind another match.
    /// </summary>
    private string ReplaceAll(string text)
    {
        var output = new StringBuilder();
        var position = 0;
        var lastEnd = -1;
        while (position <= text.Length && _search.Match(text, position) is { Success: true } match)
        {
            output.Append(text, position, match.Index - position);
            if (match.Index == lastEnd && match.Length == 0)
            {
                if (match.Index < text.Length)
                {
                    output.Append(text[match.Index]);
                }

                position = match.Index + 1;
                continue;
            }

            foreach (var part in _parts)
            {
                output.Append(part.Group < 0 ? part.Literal : match.Groups[part.Group].Value);
            }

            position = lastEnd = match.Index + match.Length;
        }

        return position < text.Length ? output.Append(text, position, text.Length - position).ToString() : output.ToString();
    }

    /// <summary>A piece of a substitution: literal text, or a group where <paramref name="Group"/> is not negative.</summary>
    private readonly record struct SubstitutionPart(string Literal, int Group);
}

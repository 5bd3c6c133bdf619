using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// An RE2 expression against bytes, in time linear in the text whatever the expression. Bytes that are not UTF-8 are read as U+FFFD.
/// </summary>
internal sealed class RegexMatcher
{
    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;
    private const int StackChars = 512;

    private readonly Regex _whole;
    private readonly Regex _search;

    private RegexMatcher(Regex whole, Regex search)
    {
        _whole = whole;
        _search = search;
    }

    /// <summary>Number of capturing groups.</summary>
    public int Groups => _search.GetGroupNumbers().Length - 1;

    /// <summary>Compiles an expression; on failure <paramref name="error"/> says what is wrong.</summary>
    public static bool TryCreate(string pattern, [NotNullWhen(true)] out RegexMatcher? matcher, [NotNullWhen(false)] out string? error)
    {
        matcher = null;
        if (!Re2.TryTranslate(pattern, out var translated, out error))
        {
            error ??= "";
            return false;
        }

        try
        {
            matcher = new RegexMatcher(new Regex($@"\A(?:{translated})\z", Options), new Regex(translated, Options));
            error = null;
            return true;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            error = e is RegexParseException parse ? parse.Error.ToString() : e.Message;
            return false;
        }
    }

    /// <summary>True where the whole value matches.</summary>
    [SkipLocalsInit]
    public bool IsMatch(ReadOnlySpan<byte> value)
    {
        // UTF-8 never has more characters than bytes.
        char[]? rented = null;
        var text = value.Length <= StackChars ? stackalloc char[StackChars] : rented = ArrayPool<char>.Shared.Rent(value.Length);
        var length = Encoding.UTF8.GetChars(value, text);
        var matches = _whole.IsMatch(text[..length]);
        if (rented is not null)
        {
            ArrayPool<char>.Shared.Return(rented);
        }

        return matches;
    }

    /// <summary>
    /// Replaces all matches, as RE2's GlobalReplace: from left to right, without overlap, and no empty match right behind another match.
    /// </summary>
    public string ReplaceAll(string text, SubstitutionPart[] substitution)
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

            foreach (var part in substitution)
            {
                output.Append(part.Group < 0 ? part.Literal : match.Groups[part.Group].Value);
            }

            position = lastEnd = match.Index + match.Length;
        }

        return position < text.Length ? output.Append(text, position, text.Length - position).ToString() : output.ToString();
    }
}

/// <summary>A piece of a substitution: literal text, or a group where <paramref name="Group"/> is not negative.</summary>
internal readonly record struct SubstitutionPart(string Literal, int Group);

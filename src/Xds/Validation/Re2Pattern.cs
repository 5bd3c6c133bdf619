using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace KubeProxyNet.Xds.Validation;

/// <summary>
/// A regular expression in RE2 syntax, as the xDS API has them, translated to one of .NET that means the same and matches in linear time.
/// Look-around and back-references, which RE2 does not have, are refused; so is <c>(?U)</c>, <c>\C</c>, and <c>\p</c> with a script.
/// Source: https://github.com/google/re2/wiki/Syntax.
/// </summary>
public sealed class Re2Pattern
{
    private readonly string _translated;

    private Re2Pattern(string source, string translated, int groupCount)
    {
        Source = source;
        _translated = translated;
        GroupCount = groupCount;
    }

    /// <summary>The expression as it was written.</summary>
    public string Source { get; }

    /// <summary>Capturing groups, named ones too, numbered from 1 in the order of their opening brackets.</summary>
    public int GroupCount { get; }

    /// <summary>Translates an expression.</summary>
    /// <param name="source">The expression in RE2 syntax; at most 16,384 characters.</param>
    /// <param name="pattern">The translation; null where it is refused.</param>
    /// <param name="reason">Why it is refused, to be read behind a colon; null where it is not.</param>
    public static bool TryTranslate(string source, [NotNullWhen(true)] out Re2Pattern? pattern, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(source);
        pattern = null;
        var translator = new Re2Translator(source);
        reason = translator.Translate();
        if (reason is not null)
        {
            return false;
        }

        pattern = new Re2Pattern(source, translator.Result, translator.GroupCount);
        return true;
    }

    /// <summary>The compiled expression, to match with from any thread. No culture plays a part.</summary>
    /// <param name="fullMatch">Whether the whole input has to match, as everywhere in the API but in a rewrite's pattern.</param>
    public Regex Compile(bool fullMatch) => new(
        fullMatch ? $@"\A(?:{_translated})\z" : _translated,
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant,
        Regex.InfiniteMatchTimeout);
}

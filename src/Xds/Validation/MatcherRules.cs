using System.Buffers;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Envoy.Type.V3;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Rules on matchers, percentages and header names.</summary>
internal static class MatcherRules
{
    // RFC 9110, section 5.6.2.
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public static void Check(RegexMatcher regex, ConfigPath path, ConfigProblems problems)
    {
        if (regex.Regex.Length > 0 && !Re2Pattern.TryTranslate(regex.Regex, out _, out var reason))
        {
            problems.Invalid(path.Field("regex"), $"is not a regular expression of RE2: {reason}", "rewrite the expression");
        }
    }

    public static void Check(RegexMatchAndSubstitute rewrite, ConfigPath path, ConfigProblems problems)
    {
        if (rewrite.Pattern is null || !Re2Pattern.TryTranslate(rewrite.Pattern.Regex, out var pattern, out _))
        {
            return;
        }

        // RE2: \0 to \9 stand for groups, \\ for a backslash, and no other escape exists.
        for (var i = 0; i < rewrite.Substitution.Length; i++)
        {
            if (rewrite.Substitution[i] != '\\')
            {
                continue;
            }

            var escaped = ++i < rewrite.Substitution.Length ? rewrite.Substitution[i] : '\0';
            if (escaped != '\\' && !char.IsAsciiDigit(escaped))
            {
                problems.Invalid(path.Field("substitution"), "a backslash stands before something that is no digit and no backslash", "write \\\\ for a backslash, \\1 for the first group");
                return;
            }

            if (char.IsAsciiDigit(escaped) && escaped - '0' > pattern!.GroupCount)
            {
                problems.Invalid(path.Field("substitution"), $"\\{escaped} stands for a group that the pattern does not have", $"use \\0 to \\{pattern.GroupCount}");
                return;
            }
        }
    }

    public static void Check(StringMatcher matcher, ConfigPath path, ConfigProblems problems)
    {
        var (field, empty) = matcher.MatchPatternCase switch
        {
            StringMatcher.MatchPatternOneofCase.Prefix => ("prefix", matcher.Prefix.Length == 0),
            StringMatcher.MatchPatternOneofCase.Suffix => ("suffix", matcher.Suffix.Length == 0),
            StringMatcher.MatchPatternOneofCase.Contains => ("contains", matcher.Contains.Length == 0),
            _ => (string.Empty, false),
        };
        if (empty)
        {
            problems.Invalid(path.Field(field), "is empty, which would match everything", "write the text to look for");
        }
    }

    public static void Check(HeaderMatcher matcher, ConfigPath path, ConfigProblems problems)
    {
        if (matcher.Name.Length > 0 && !IsHeaderName(matcher.Name, allowPseudo: true))
        {
            problems.Invalid(path.Field("name"), $"\"{matcher.Name}\" is not a header name", "write letters, digits and -, or a pseudo header such as :method");
        }

        if (matcher.RangeMatch is { } range && range.Start >= range.End)
        {
            problems.Invalid(path.Field("range_match"), $"the range from {range.Start} to {range.End} is empty", "write an end that is greater than the start; the end is not part of the range");
        }

        if (matcher.HeaderMatchSpecifierCase == HeaderMatcher.HeaderMatchSpecifierOneofCase.SafeRegexMatch && matcher.SafeRegexMatch.Regex.Length == 0)
        {
            problems.Invalid(path.Field("safe_regex_match"), "is empty", "write an expression");
        }
    }

    public static void Check(HeaderValue header, ConfigPath path, ConfigProblems problems)
    {
        if (header.Key.Length > 0 && (!IsHeaderName(header.Key, allowPseudo: false) || header.Key.Equals("host", StringComparison.OrdinalIgnoreCase)))
        {
            problems.Invalid(path.Field("key"), $"\"{header.Key}\" is not a header that may be set", "write a header name; for the host use host_rewrite_literal");
        }

        if (header.Value.AsSpan().IndexOfAny('\0', '\r', '\n') >= 0)
        {
            problems.Invalid(path.Field("value"), "holds a line break or NUL", "write the value in one line");
        }
    }

    public static void CheckRemoved(IEnumerable<string> names, ConfigPath path, ConfigProblems problems)
    {
        var index = 0;
        foreach (var name in names)
        {
            if (!IsHeaderName(name, allowPseudo: false) || name.Equals("host", StringComparison.OrdinalIgnoreCase))
            {
                problems.Invalid(path.Index(index), $"\"{name}\" is not a header that may be removed", ConfigText.RemoveIt);
            }

            index++;
        }
    }

    public static void Check(FractionalPercent percent, ConfigPath path, ConfigProblems problems)
    {
        var whole = percent.Denominator switch
        {
            FractionalPercent.Types.DenominatorType.TenThousand => 10_000u,
            FractionalPercent.Types.DenominatorType.Million => 1_000_000u,
            _ => 100u,
        };
        if (percent.Numerator > whole)
        {
            problems.Invalid(path.Field("numerator"), $"{percent.Numerator} of {whole} is more than the whole", $"write a number from 0 to {whole}");
        }
    }

    private static bool IsHeaderName(ReadOnlySpan<char> name, bool allowPseudo)
    {
        name = allowPseudo && name.StartsWith(':') ? name[1..] : name;
        return name.Length > 0 && name.IndexOfAnyExcept(TokenCharacters) < 0;
    }
}

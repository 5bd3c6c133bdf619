using Envoy.Type.Matcher.V3;
using Envoy.Type.V3;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3;
using StringMatcher = KubeProxyNet.Proxy.Routing.Matching.StringMatcher;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns matchers into records.</summary>
internal static class MatcherTranslator
{
    public static HeaderMatcher Header(Proto.HeaderMatcher message, TranslationProblems problems, ConfigPath path) => new()
    {
        Name = message.Name,
        Match = HeaderMatch(message, problems, path),
        Invert = message.InvertMatch,
        TreatMissingHeaderAsEmpty = message.TreatMissingHeaderAsEmpty,
    };

    public static QueryParameterMatcher QueryParameter(Proto.QueryParameterMatcher message, TranslationProblems problems, ConfigPath path) => new()
    {
        Name = message.Name,
        Value = message.StringMatch is null ? null : String(message.StringMatch, problems, path.Field("string_match")),
        Present = message.QueryParameterMatchSpecifierCase != Proto.QueryParameterMatcher.QueryParameterMatchSpecifierOneofCase.PresentMatch || message.PresentMatch,
    };

    /// <summary>A substitution; null for none.</summary>
    public static RegexSubstitution? Substitution(RegexMatchAndSubstitute? message) =>
        message is null ? null : new RegexSubstitution(message.Pattern?.Regex ?? "", message.Substitution);

    /// <summary>A share of requests; null for all of them.</summary>
    public static RuntimeFraction? Fraction(Envoy.Config.Core.V3.RuntimeFractionalPercent? message) => message is null
        ? null
        : new RuntimeFraction(message.DefaultValue?.Numerator ?? 0, message.DefaultValue?.Denominator switch
        {
            FractionalPercent.Types.DenominatorType.TenThousand => 10_000,
            FractionalPercent.Types.DenominatorType.Million => 1_000_000,
            _ => 100,
        }, message.RuntimeKey);

    /// <summary>A condition on a text.</summary>
    public static StringMatcher String(Envoy.Type.Matcher.V3.StringMatcher message, TranslationProblems problems, ConfigPath path)
    {
        switch (message.MatchPatternCase)
        {
            case Envoy.Type.Matcher.V3.StringMatcher.MatchPatternOneofCase.Exact:
                return StringMatcher.Exact(message.Exact, message.IgnoreCase);
            case Envoy.Type.Matcher.V3.StringMatcher.MatchPatternOneofCase.Prefix:
                return StringMatcher.Prefix(message.Prefix, message.IgnoreCase);
            case Envoy.Type.Matcher.V3.StringMatcher.MatchPatternOneofCase.Suffix:
                return StringMatcher.Suffix(message.Suffix, message.IgnoreCase);
            case Envoy.Type.Matcher.V3.StringMatcher.MatchPatternOneofCase.Contains:
                return StringMatcher.Contains(message.Contains, message.IgnoreCase);
            case Envoy.Type.Matcher.V3.StringMatcher.MatchPatternOneofCase.SafeRegex:
                return StringMatcher.Regex(message.SafeRegex.Regex);
            default:
                problems.Add(path, "a string matcher needs a pattern", "add one of exact, prefix, suffix, contains and safe_regex");
                return StringMatcher.Exact("");
        }
    }

    private static HeaderMatch HeaderMatch(Proto.HeaderMatcher message, TranslationProblems problems, ConfigPath path) => message.HeaderMatchSpecifierCase switch
    {
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.StringMatch => new HeaderString(String(message.StringMatch, problems, path.Field("string_match"))),
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.RangeMatch => new HeaderRange(message.RangeMatch.Start, message.RangeMatch.End),
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.PresentMatch => new PresentHeader(message.PresentMatch),
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.SafeRegexMatch => new HeaderString(StringMatcher.Regex(message.SafeRegexMatch.Regex)),
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.PrefixMatch => new HeaderString(StringMatcher.Prefix(message.PrefixMatch)),
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.SuffixMatch => new HeaderString(StringMatcher.Suffix(message.SuffixMatch)),
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.ContainsMatch => new HeaderString(StringMatcher.Contains(message.ContainsMatch)),

        // The deprecated exact_match takes an empty text for any value, unlike string_match.
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.ExactMatch when message.ExactMatch.Length == 0 => new HeaderString(StringMatcher.Prefix("")),
        Proto.HeaderMatcher.HeaderMatchSpecifierOneofCase.ExactMatch => new HeaderString(StringMatcher.Exact(message.ExactMatch)),
        _ => new PresentHeader(true),
    };
}

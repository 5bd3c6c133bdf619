using System.Text.RegularExpressions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>
/// Envoy's routing read off its documentation, in the plainest way: strings and loops. It shares no code with what it checks.
/// </summary>
internal static class RoutingOracle
{
    public sealed record Request(string? Host, string Path, string Query, (string Name, string Value)[] Headers, ulong Random);

    /// <summary>Virtual host and route index; null for none.</summary>
    public static (string Host, int Route)? Find(RouteConfiguration configuration, Request request)
    {
        if (FindHost(configuration, request.Host) is not { } host)
        {
            return null;
        }

        for (var i = 0; i < host.Routes.Length; i++)
        {
            if (Matches(host.Routes[i].Match, request))
            {
                return (host.Name, i);
            }
        }

        return null;
    }

    private static VirtualHost? FindHost(RouteConfiguration configuration, string? authority)
    {
        var all = configuration.VirtualHosts.SelectMany(host => host.Domains.Select(domain => (Domain: domain.ToLowerInvariant(), Host: host))).ToArray();
        if (authority is null)
        {
            return all.Length == 1 && all[0].Domain == "*" ? all[0].Host : null;
        }

        var name = authority.ToLowerInvariant();
        var exact = all.Where(item => item.Domain == name);
        var suffix = all.Where(item => item.Domain.Length > 1 && item.Domain[0] == '*' && name.Length >= item.Domain.Length && name.EndsWith(item.Domain[1..], StringComparison.Ordinal))
            .OrderByDescending(item => item.Domain.Length);
        var prefix = all.Where(item => item.Domain.Length > 1 && item.Domain[0] != '*' && item.Domain[^1] == '*' && name.Length >= item.Domain.Length && name.StartsWith(item.Domain[..^1], StringComparison.Ordinal))
            .OrderByDescending(item => item.Domain.Length);
        var catchAll = all.Where(item => item.Domain == "*");
        return exact.Concat(suffix).Concat(prefix).Concat(catchAll).Select(item => item.Host).FirstOrDefault();
    }

    private static bool Matches(RouteMatch match, Request request)
    {
        var comparison = match.CaseSensitive ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
        var path = match.Path switch
        {
            PrefixPath specifier => request.Path.StartsWith(specifier.Prefix, comparison),
            ExactPath specifier => string.Equals(request.Path, specifier.Path, comparison),
            SeparatedPrefixPath specifier => string.Equals(request.Path, specifier.Prefix, comparison) || request.Path.StartsWith(specifier.Prefix + "/", comparison),
            RegexPath specifier => IsFullMatch(specifier.Pattern, request.Path),
            _ => throw new NotSupportedException(),
        };
        return path
            && match.Headers.All(matcher => Matches(matcher, request))
            && match.QueryParameters.All(matcher => Matches(matcher, request))
            && (match.RuntimeFraction is null || request.Random % match.RuntimeFraction.Denominator < match.RuntimeFraction.Numerator);
    }

    private static bool Matches(HeaderMatcher matcher, Request request)
    {
        var values = request.Headers.Where(header => header.Name == matcher.Name).Select(header => header.Value).ToArray();
        if (matcher.Match is PresentHeader present)
        {
            return (values.Length > 0 == present.Present) ^ matcher.Invert;
        }

        if (values.Length == 0 && !matcher.TreatMissingHeaderAsEmpty)
        {
            return false;
        }

        var value = string.Join(',', values);
        var holds = matcher.Match switch
        {
            HeaderString text => Matches(text.Matcher, value),
            HeaderRange range => long.TryParse(value, out var number) && number >= range.Start && number < range.End,
            _ => throw new NotSupportedException(),
        };
        return holds ^ matcher.Invert;
    }

    private static bool Matches(QueryParameterMatcher matcher, Request request)
    {
        var pairs = request.Query.Split('&').Select(pair => pair.Split('=', 2)).Where(pair => pair[0] == matcher.Name).ToArray();
        var value = pairs.Length == 0 ? null : pairs[0].Length == 1 ? "" : pairs[0][1];
        return matcher.Value is null ? value is not null == matcher.Present : value is not null && Matches(matcher.Value, value);
    }

    private static bool Matches(StringMatcher matcher, string value)
    {
        var comparison = matcher.IgnoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return matcher.Kind switch
        {
            StringMatchKind.Exact => string.Equals(value, matcher.Value, comparison),
            StringMatchKind.Prefix => value.StartsWith(matcher.Value, comparison),
            StringMatchKind.Suffix => value.EndsWith(matcher.Value, comparison),
            StringMatchKind.Contains => value.Contains(matcher.Value, comparison),
            _ => IsFullMatch(matcher.Value, value),
        };
    }

    private static bool IsFullMatch(string pattern, string value) => Regex.IsMatch(value, $"^(?:{pattern})$", RegexOptions.NonBacktracking);
}

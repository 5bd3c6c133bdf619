using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Routing.Paths;
using KubeProxyNet.Proxy.Routing.Regexes;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>What one compilation shares: errors found, regexes by pattern, cluster names by order of appearance.</summary>
internal sealed class CompilationScope(RegexSyntax? regexSyntax)
{
    private readonly Dictionary<string, RegexMatcher?> _regexes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _regexErrors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _clusters = new(StringComparer.Ordinal);

    public List<RouteError> Errors { get; } = [];

    public List<string> ClusterNames { get; } = [];

    /// <summary>Conditions on addresses, which count.</summary>
    public List<CompiledAddressPredicate> AddressPredicates { get; } = [];

    public void Error(string path, string message, string remedy) => Errors.Add(new RouteError(path, message, remedy));

    /// <summary>Index of a cluster name in <see cref="ClusterNames"/>.</summary>
    public int Cluster(string name)
    {
        if (!_clusters.TryGetValue(name, out var ordinal))
        {
            _clusters.Add(name, ordinal = ClusterNames.Count);
            ClusterNames.Add(name);
        }

        return ordinal;
    }

    /// <summary>Compiles a regex once for all its uses; null after an error.</summary>
    public RegexMatcher? Regex(string pattern, string path)
    {
        if (!_regexes.TryGetValue(pattern, out var matcher))
        {
            if (!RegexMatcher.TryCreate(pattern, regexSyntax ?? NoSyntax, out matcher, out var error))
            {
                _regexErrors.Add(pattern, error);
            }

            _regexes.Add(pattern, matcher);
        }

        if (matcher is null)
        {
            Error(path, $"'{pattern}' is not a usable regular expression: {_regexErrors[pattern]}", "correct the expression");
        }

        return matcher;
    }

    /// <summary>Where a path template stands below its match.</summary>
    public const string TemplateField = "path_match_policy.typed_config.path_template";

    /// <summary>Reads a path template; null after an error.</summary>
    public PathTemplate? Template(TemplatePath path, string at)
    {
        if (PathTemplate.TryParse(path.Template, out var template, out var error))
        {
            return template;
        }

        Error(at, $"'{path.Template}' is not a path template: {error}", "write elements of text, *, {name} and {name=*}, and ** at the end at most");
        return null;
    }

    /// <summary>Compiles a regex substitution; null for none and after an error.</summary>
    public RegexRewriter? Rewriter(RegexSubstitution? substitution, string path)
    {
        if (substitution is null || Regex(substitution.Pattern, $"{path}.pattern.regex") is not { } matcher)
        {
            return null;
        }

        Printable(substitution.Substitution, $"{path}.substitution");
        if (RegexRewriter.TryCreate(matcher, substitution.Substitution, out var rewriter, out var error))
        {
            return rewriter;
        }

        Error($"{path}.substitution", $"'{substitution.Substitution}' is not a usable substitution: {error}", @"use \0 to \9 for groups");
        return null;
    }

    /// <summary>Refuses text that could not stand in a request line or a header.</summary>
    public void Printable(string value, string path)
    {
        if (value.AsSpan().ContainsAnyInRange('\0', ' ') || value.Contains('\x7F', StringComparison.Ordinal))
        {
            Error(path, "blanks and control characters cannot be sent here", "remove or percent-encode them");
        }
    }

    private static RegexSource? NoSyntax(string pattern, out string? reason)
    {
        reason = "there is no syntax to read it by";
        return null;
    }
}

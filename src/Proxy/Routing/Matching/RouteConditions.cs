using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Regexes;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>What a route demands beyond what the index of paths answers. Checked in Envoy's order; the path's regex comes last.</summary>
internal sealed class RouteConditions
{
    private readonly RuntimeFraction? _fraction;
    private readonly CompiledHeaderMatcher[] _headers;
    private readonly CompiledQueryParameterMatcher[] _query;
    private readonly RegexMatcher? _pathRegex;
    private readonly ClientCertificateMatch? _certificate;

    private RouteConditions(RouteMatch match, RegexMatcher? pathRegex, string path, CompilationScope scope)
    {
        _fraction = match.RuntimeFraction;
        _headers = [.. match.Headers.Select((matcher, i) => new CompiledHeaderMatcher(matcher, $"{path}.headers[{i}]", scope))];
        _query = [.. match.QueryParameters.Select((matcher, i) => new CompiledQueryParameterMatcher(matcher, $"{path}.query_parameters[{i}]", scope))];
        _pathRegex = pathRegex;
        _certificate = match.ClientCertificate;
    }

    /// <summary>The conditions of a route; null where there are none.</summary>
    public static RouteConditions? Compile(RouteMatch match, string path, CompilationScope scope)
    {
        if (match.RuntimeFraction is { Denominator: not (100 or 10_000 or 1_000_000) } fraction)
        {
            scope.Error($"{path}.runtime_fraction.default_value.denominator", $"{fraction.Denominator} is not a denominator", "use HUNDRED, TEN_THOUSAND or MILLION");
        }

        var regex = match.Path switch
        {
            RegexPath pattern => scope.Regex(pattern.Pattern, $"{path}.safe_regex.regex"),
            TemplatePath template when scope.Template(template, $"{path}.{CompilationScope.TemplateField}") is { } parsed => scope.Regex(parsed.Pattern, path),
            _ => null,
        };
        return match.Path is not (RegexPath or TemplatePath) && match.Headers.IsEmpty && match.QueryParameters.IsEmpty && match.RuntimeFraction is null && match.ClientCertificate is null
            ? null
            : new RouteConditions(match, regex, path, scope);
    }

    public bool Hold<TTrace>(CompiledRoute route, RequestHead head, ReadOnlySpan<byte> path, RuntimeValues runtime, ulong random, ref TTrace trace)
        where TTrace : struct, IMatchTrace
    {
        if (_fraction is not null && !_fraction.Includes(runtime, random))
        {
            trace.RouteSkipped(route, SkipReason.RuntimeFraction, 0);
            return false;
        }

        for (var i = 0; i < _headers.Length; i++)
        {
            if (!_headers[i].IsMatch(head))
            {
                trace.RouteSkipped(route, SkipReason.Header, i);
                return false;
            }
        }

        for (var i = 0; i < _query.Length; i++)
        {
            if (!_query[i].IsMatch(head.Query))
            {
                trace.RouteSkipped(route, SkipReason.QueryParameter, i);
                return false;
            }
        }

        if (_certificate is not null && !Holds(_certificate, head.ClientCertificate))
        {
            trace.RouteSkipped(route, SkipReason.ClientCertificate, 0);
            return false;
        }

        if (_pathRegex is not null && !_pathRegex.IsMatch(path))
        {
            trace.RouteSkipped(route, SkipReason.Path, 0);
            return false;
        }

        return true;
    }

    private static bool Holds(ClientCertificateMatch match, ClientCertificateStatus status) =>
        (match.Presented is null || match.Presented == (status != ClientCertificateStatus.None))
        && (match.Validated is null || match.Validated == (status == ClientCertificateStatus.Validated));
}

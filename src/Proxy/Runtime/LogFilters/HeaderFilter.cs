using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Routing.Regexes;

namespace KubeProxyNet.Proxy.Runtime.LogFilters;

/// <summary><c>header_filter</c>: by a header of the request.</summary>
public sealed class HeaderFilter : AccessLogFilter
{
    private readonly CompiledHeaderMatcher _matcher;

    private HeaderFilter(CompiledHeaderMatcher matcher) => _matcher = matcher;

    /// <inheritdoc/>
    public override AccessLogNeeds Needs => AccessLogNeeds.RequestHead;

    /// <summary>Compiles a matcher.</summary>
    /// <param name="matcher">What to match.</param>
    /// <param name="path">Its place in the configuration, for errors.</param>
    /// <param name="syntax">How regular expressions are read.</param>
    /// <param name="errors">What is wrong with it; empty where nothing is.</param>
    public static HeaderFilter Compile(HeaderMatcher matcher, string path, RegexSyntax syntax, out IReadOnlyList<RouteError> errors)
    {
        var scope = new CompilationScope(syntax);
        var filter = new HeaderFilter(new CompiledHeaderMatcher(matcher, path, scope));
        errors = scope.Errors;
        return filter;
    }

    /// <inheritdoc/>
    public override bool Records(IAccessLogSource exchange, RequestHead request) => _matcher.IsMatch(request);
}

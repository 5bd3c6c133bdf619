using Envoy.Extensions.Path.Match.UriTemplate.V3;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns one route of the xDS API into a record: its match here, its action by <see cref="RouteActionTranslator"/>.</summary>
internal static class RouteTranslator
{
    // Envoy: a content type of application/grpc, alone or with a suffix such as +proto.
    private static readonly HeaderMatcher IsGrpc = new() { Name = "content-type", Match = new HeaderString(StringMatcher.Regex(@"application/grpc(\+.*)?")) };

    public static Route Translate(Proto.Route message, TranslationProblems problems, ConfigPath path) => new()
    {
        Name = message.Name,
        StatPrefix = message.StatPrefix,
        Match = Match(message.Match ?? new Proto.RouteMatch(), problems, path.Field("match")),
        Action = Action(message, problems, path),
        RequestHeaders = HeaderRulesTranslator.Request(message.RequestHeadersToAdd, message.RequestHeadersToRemove, problems, path),
        ResponseHeaders = HeaderRulesTranslator.Response(message.ResponseHeadersToAdd, message.ResponseHeadersToRemove, problems, path),
        RequestBodyBufferLimit = BufferLimit(message.RequestBodyBufferLimit, message.PerRequestBufferLimitBytes),
        FilterConfigs = RouteFiltersTranslator.Translate(message.TypedPerFilterConfig, problems, path),
    };

    /// <summary>What is kept of a body; the newer field goes first. Null where neither is set.</summary>
    public static int? BufferLimit(ulong? limit, uint? older) => (limit ?? older) is { } bytes ? (int)Math.Min(bytes, int.MaxValue) : null;

    private static RouteMatch Match(Proto.RouteMatch message, TranslationProblems problems, ConfigPath path)
    {
        var headers = message.Headers.Select((matcher, i) => MatcherTranslator.Header(matcher, problems, path.Field("headers").Index(i)));
        var parameters = message.QueryParameters.Select((matcher, i) => MatcherTranslator.QueryParameter(matcher, problems, path.Field("query_parameters").Index(i)));
        return new RouteMatch
        {
            Path = Specifier(message, problems, path),
            CaseSensitive = message.CaseSensitive ?? true,
            Headers = [.. message.Grpc is null ? headers : headers.Append(IsGrpc)],
            QueryParameters = [.. parameters],
            ClientCertificate = message.TlsContext is { } tls ? new ClientCertificateMatch(tls.Presented, tls.Validated) : null,
            RuntimeFraction = MatcherTranslator.Fraction(message.RuntimeFraction),
        };
    }

    private static PathSpecifier Specifier(Proto.RouteMatch message, TranslationProblems problems, ConfigPath path)
    {
        switch (message.PathSpecifierCase)
        {
            case Proto.RouteMatch.PathSpecifierOneofCase.Prefix:
                return new PrefixPath(message.Prefix);
            case Proto.RouteMatch.PathSpecifierOneofCase.Path:
                return new ExactPath(message.Path);
            case Proto.RouteMatch.PathSpecifierOneofCase.SafeRegex:
                return new RegexPath(message.SafeRegex.Regex);
            case Proto.RouteMatch.PathSpecifierOneofCase.PathSeparatedPrefix:
                return new SeparatedPrefixPath(message.PathSeparatedPrefix);
            case Proto.RouteMatch.PathSpecifierOneofCase.ConnectMatcher:
                return new ConnectPath();
            case Proto.RouteMatch.PathSpecifierOneofCase.PathMatchPolicy:
                if (message.PathMatchPolicy.TypedConfig is { } any && any.TryUnpack<UriTemplateMatchConfig>(out var template))
                {
                    return new TemplatePath(template.PathTemplate);
                }

                problems.Add(path.Field("path_match_policy"), $"\"{message.PathMatchPolicy.Name}\" is not supported", "use envoy.path.match.uri_template with a UriTemplateMatchConfig");
                return new PrefixPath("");
            default:
                problems.Add(path, "a match needs a path specifier", "add one of prefix, path, safe_regex, path_separated_prefix, path_match_policy and connect_matcher");
                return new PrefixPath("");
        }
    }

    private static RouteAction Action(Proto.Route message, TranslationProblems problems, ConfigPath path)
    {
        switch (message.ActionCase)
        {
            case Proto.Route.ActionOneofCase.Route_:
                return RouteActionTranslator.Forward(message.Route_, problems, path.Field("route"));
            case Proto.Route.ActionOneofCase.Redirect:
                return RouteActionTranslator.Redirect(message.Redirect);
            case Proto.Route.ActionOneofCase.DirectResponse:
                return RouteActionTranslator.DirectResponse(message.DirectResponse, problems, path.Field("direct_response"));
            case Proto.Route.ActionOneofCase.NonForwardingAction:
                return new NonForwardingAction();
            default:
                problems.Add(path, "a route needs an action", "add one of route, redirect, direct_response and non_forwarding_action");
                return new NonForwardingAction();
        }
    }
}

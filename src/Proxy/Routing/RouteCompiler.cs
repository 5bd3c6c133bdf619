using System.Collections.Immutable;
using System.Text;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Hashing;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Routing.Paths;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>Compiles the routes of one virtual host.</summary>
internal sealed class RouteCompiler(RouteConfiguration configuration, CompiledVirtualHost virtualHost, CompilationScope scope)
{
    /// <summary>Longest path in a match, in bytes; request heads are limited to less.</summary>
    private const int MaxPathLength = ByteTrie.MaxKeyLength;

    private readonly VirtualHost _source = virtualHost.Source;
    private readonly HeaderMutations?[] _shared = new HeaderMutations?[2];

    public void Compile(string path)
    {
        var routes = new CompiledRoute[_source.Routes.Length];
        var paths = new PathIndexBuilder();
        for (var i = 0; i < routes.Length; i++)
        {
            var route = _source.Routes[i];
            var routePath = $"{path}.{(_source.RoutePlaces.IsEmpty ? $"routes[{i}]" : _source.RoutePlaces[i])}";
            CheckPath(route.Match, $"{routePath}.match");
            var conditions = RouteConditions.Compile(route.Match, $"{routePath}.match", scope);
            routes[i] = new CompiledRoute(route, virtualHost, i, conditions);
            CompileAction(routes[i], routePath);
            paths.Add(i, route.Match, conditions is not null);
        }

        var matcher = _source.Matcher is null ? null : Matcher(_source.Matcher, routes, $"{path}.matcher");
        virtualHost.Complete(routes, paths.Build(), matcher, _source.RequireTls == TlsRequirement.None ? null : TlsRedirect());
    }

    private CompiledRouteMatcher Matcher(RouteMatcher source, CompiledRoute[] routes, string path)
    {
        var onNoMatch = source.OnNoMatch is null ? null : Choice(source.OnNoMatch, routes, path);
        return source switch
        {
            RouteMatcherList list => new CompiledRouteMatcherList(
                [.. list.Entries.Select(entry => (CompiledPredicate.Compile(entry.Predicate, path, scope), Choice(entry.Outcome, routes, path)))], onNoMatch),
            RouteMatcherMap map => new CompiledRouteMatcherMap(
                map.Input, map.IsPrefix, map.Entries.Select(entry => (entry.Value, Choice(entry.Outcome, routes, path))), onNoMatch),
            RouteMatcherAddresses addresses => new CompiledRouteMatcherAddresses(
                addresses.Input, [.. addresses.Entries.Select(entry => (entry, Choice(entry.Outcome, routes, path)))], onNoMatch),
            _ => throw new NotSupportedException($"matcher {source.GetType().Name}"),
        };
    }

    private CompiledRouteChoice Choice(RouteMatcherOutcome source, CompiledRoute[] routes, string path)
    {
        if (source.Matcher is not null)
        {
            return new CompiledRouteChoice(Matcher(source.Matcher, routes, path), null, source.KeepsMatching);
        }

        var paths = new PathIndexBuilder();
        var end = source.FirstRoute + source.RouteCount;
        for (var i = source.FirstRoute; i < end; i++)
        {
            paths.Add(i, routes[i].Source.Match, routes[i].Conditions is not null);
        }

        return new CompiledRouteChoice(null, paths.Build(), source.KeepsMatching) { Start = source.FirstRoute, End = end };
    }

    private void CompileAction(CompiledRoute route, string path)
    {
        HeaderMutationsBuilder.Check(route.Source.RequestHeaders, $"{path}.", "request", scope);
        HeaderMutationsBuilder.Check(route.Source.ResponseHeaders, $"{path}.", "response", scope);
        var request = Flatten(HeaderSide.Request, HeaderRules.None, route.Source.RequestHeaders);
        var response = Flatten(HeaderSide.Response, HeaderRules.None, route.Source.ResponseHeaders);
        route.ResponseMutations = response;
        if (route.Source.Action is not ForwardAction)
        {
            route.FilterConfigs = FilterConfigs(route.Source, []);
        }

        switch (route.Source.Action)
        {
            case ForwardAction forward:
                route.Kind = RouteKind.Forward;
                route.Forward = Forward(route.Source, forward, request, response, $"{path}.route");
                break;
            case RedirectAction redirect:
                route.Kind = RouteKind.Redirect;
                route.Redirect = Redirect(route.Source.Match, redirect, $"{path}.redirect");
                break;
            case DirectResponseAction direct:
                route.Kind = RouteKind.DirectResponse;
                route.DirectResponse = direct;
                route.Redirect = direct.Status is 201 or (>= 300 and < 400) ? CompiledRedirect.Same : null;
                CheckDirectResponse(direct, $"{path}.direct_response");
                break;
            default:
                route.Kind = RouteKind.NonForwarding;
                break;
        }
    }

    private CompiledForward Forward(Route route, ForwardAction action, HeaderMutations request, HeaderMutations response, string path)
    {
        var targets = new List<ClusterTarget>();
        var cumulative = new List<ulong>();
        switch (action.Cluster)
        {
            case SingleCluster single:
                Require(single.Name, $"{path}.cluster", "a cluster name");
                targets.Add(new ClusterTarget(single.Name, scope.Cluster(single.Name), "", "", request, response) { FilterConfigs = FilterConfigs(route, []), MetadataMatch = action.MetadataMatch });
                break;
            case ClusterFromHeader header:
                Require(header.HeaderName, $"{path}.cluster_header", "a header name");
                targets.Add(new ClusterTarget("", -1, header.HeaderName, "", request, response) { FilterConfigs = FilterConfigs(route, []), MetadataMatch = action.MetadataMatch });
                break;
            case WeightedClusters weighted:
                AddWeighted(route, weighted, targets, cumulative, $"{path}.weighted_clusters");
                break;
            default:
                throw new NotSupportedException($"cluster specifier {action.Cluster.GetType().Name}");
        }

        if (action.ClusterNotFoundResponseCode is not (503 or 404 or 500))
        {
            scope.Error($"{path}.cluster_not_found_response_code", $"{action.ClusterNotFoundResponseCode} is not a choice", "use 503, 404 or 500");
        }

        if (action.HostRewrite is HostRewriteLiteral literal)
        {
            scope.Printable(literal.Host, $"{path}.host_rewrite_literal");
        }

        CompiledMirror.Check(action.MirrorPolicies.AsSpan(), $"{path}.", scope);
        var hostRegex = scope.Rewriter((action.HostRewrite as HostRewritePathRegex)?.Substitution, $"{path}.host_rewrite_path_regex");
        var rewrite = action.TemplateRewrite.Length > 0
            ? RewriteByTemplate(route.Match, action, path)
            : Rewrite(route.Match, action.PrefixRewrite, action.RegexRewrite, path);
        return new CompiledForward(action, action.RetryPolicy ?? _source.RetryPolicy, [.. targets], [.. cumulative], rewrite, hostRegex)
        {
            RetryHeaders = CompiledRetryHeaders.Compile(action.RetryPolicy ?? _source.RetryPolicy, $"{path}.retry_policy", scope),
            HedgesOnPerTryTimeout = action.HedgesOnPerTryTimeout ?? _source.HedgesOnPerTryTimeout ?? false,
            HashPolicies = CompiledHashPolicies.Compile(action.HashPolicies, $"{path}.hash_policy", scope),
            InternalRedirects = CompiledInternalRedirects.Compile(action.InternalRedirects, $"{path}.internal_redirect_policy", scope),
            Mirrors = CompiledMirror.Compile(MirrorsOf(action).AsSpan(), action, virtualHost, scope),
            RequestBodyBufferLimit = route.RequestBodyBufferLimit ?? _source.RequestBodyBufferLimit ?? int.MaxValue,
            IncludesAttemptCountInRequest = _source.IncludesAttemptCountInRequest,
            IncludesAttemptCountInResponse = _source.IncludesAttemptCountInResponse,
        };
    }

    /// <summary>The most specific level that has policies wins, and alone.</summary>
    private ImmutableArray<RequestMirrorPolicy> MirrorsOf(ForwardAction action) =>
        !action.MirrorPolicies.IsEmpty ? action.MirrorPolicies : !_source.MirrorPolicies.IsEmpty ? _source.MirrorPolicies : configuration.MirrorPolicies;

    private void AddWeighted(Route route, WeightedClusters weighted, List<ClusterTarget> targets, List<ulong> cumulative, string path)
    {
        if (weighted.HeaderName.Length > 0)
        {
            HeaderMutationsBuilder.CheckName(weighted.HeaderName, $"{path}.header_name", scope);
        }

        var total = 0UL;
        for (var i = 0; i < weighted.Clusters.Length; i++)
        {
            var cluster = weighted.Clusters[i];
            var clusterPath = $"{path}.clusters[{i}]";
            if (cluster.Name.Length == 0 == (cluster.ClusterHeader.Length == 0))
            {
                scope.Error(clusterPath, "exactly one of name and cluster_header is needed", "set one and leave out the other");
            }

            scope.Printable(cluster.HostRewriteLiteral, $"{clusterPath}.host_rewrite_literal");
            HeaderMutationsBuilder.Check(cluster.RequestHeaders, $"{clusterPath}.", "request", scope);
            HeaderMutationsBuilder.Check(cluster.ResponseHeaders, $"{clusterPath}.", "response", scope);
            total += cluster.Weight;
            cumulative.Add(total);
            targets.Add(new ClusterTarget(
                cluster.Name,
                cluster.Name.Length > 0 ? scope.Cluster(cluster.Name) : -1,
                cluster.ClusterHeader,
                cluster.HostRewriteLiteral,
                Flatten(HeaderSide.Request, cluster.RequestHeaders, route.RequestHeaders),
                Flatten(HeaderSide.Response, cluster.ResponseHeaders, route.ResponseHeaders))
            {
                FilterConfigs = FilterConfigs(route, cluster.FilterConfigs),
                MetadataMatch = cluster.MetadataMatch,
            });
        }

        if (total is 0 or > uint.MaxValue)
        {
            scope.Error(path, $"the weights add up to {total}", $"choose weights whose sum is 1 to {uint.MaxValue}");
        }
    }

    /// <summary>Of the levels that speak of a filter the most specific one.</summary>
    private RouteFilterConfig[] FilterConfigs(Route route, ImmutableArray<RouteFilterConfig> cluster) =>
        cluster.IsEmpty && route.FilterConfigs.IsEmpty && _source.FilterConfigs.IsEmpty && configuration.FilterConfigs.IsEmpty
            ? []
            : RouteFilterConfig.Flatten(cluster.Concat(route.FilterConfigs).Concat(_source.FilterConfigs).Concat(configuration.FilterConfigs));

    private CompiledRedirect Redirect(RouteMatch match, RedirectAction action, string path)
    {
        scope.Printable(action.SchemeRedirect, $"{path}.scheme_redirect");
        scope.Printable(action.HostRedirect, $"{path}.host_redirect");
        scope.Printable(action.PathRedirect, $"{path}.path_redirect");
        if (action.PortRedirect is < 0 or > ushort.MaxValue)
        {
            scope.Error($"{path}.port_redirect", $"{action.PortRedirect} is not a port", "use 1 to 65535, or leave it out");
        }

        if (action.ResponseCode is not (301 or 302 or 303 or 307 or 308))
        {
            scope.Error($"{path}.response_code", $"{action.ResponseCode} is not a choice", "use 301, 302, 303, 307 or 308");
        }

        if (action.PathRedirect.Length > 0 && (action.PrefixRewrite.Length > 0 || action.RegexRewrite is not null))
        {
            scope.Error(path, "path_redirect excludes the rewrites", "keep one of path_redirect, prefix_rewrite and regex_rewrite");
        }

        return new CompiledRedirect(action, Rewrite(match, action.PrefixRewrite, action.RegexRewrite, path));
    }

    private PathRewrite Rewrite(RouteMatch match, string prefix, RegexSubstitution? regex, string path)
    {
        scope.Printable(prefix, $"{path}.prefix_rewrite");
        if (prefix.Length > 0 && regex is not null)
        {
            scope.Error(path, "prefix_rewrite excludes regex_rewrite", "keep one of the two");
        }

        var matched = match.Path switch
        {
            PrefixPath specifier => Encoding.UTF8.GetByteCount(specifier.Prefix),
            SeparatedPrefixPath specifier => Encoding.UTF8.GetByteCount(specifier.Prefix),
            _ => PathRewrite.WholePath,
        };
        var rewriter = scope.Rewriter(regex, $"{path}.regex_rewrite");
        return prefix.Length == 0 && rewriter is null ? PathRewrite.None : new PathRewrite(Encoding.UTF8.GetBytes(prefix), matched, rewriter);
    }

    private PathRewrite RewriteByTemplate(RouteMatch match, ForwardAction action, string path)
    {
        var at = $"{path}.path_rewrite_policy.typed_config.path_template_rewrite";
        if (action.PrefixRewrite.Length > 0 || action.RegexRewrite is not null)
        {
            scope.Error($"{path}.path_rewrite_policy", "excludes the other rewrites", "keep one of prefix_rewrite, regex_rewrite and path_rewrite_policy");
        }

        if (match.Path is not TemplatePath { Template: var text })
        {
            scope.Error($"{path}.path_rewrite_policy", "needs the variables of a path template", "match with path_match_policy");
        }
        else if (PathTemplate.TryParse(text, out var template, out _))
        {
            if (template.TryParseRewrite(action.TemplateRewrite, out var substitution, out var error))
            {
                return new PathRewrite([], PathRewrite.WholePath, scope.Rewriter(new RegexSubstitution($"^{template.Pattern}$", substitution), at));
            }

            scope.Error(at, $"'{action.TemplateRewrite}' is not a rewrite of this template: {error}", "write text and variables of the template");
        }

        return PathRewrite.None;
    }

    private CompiledRoute TlsRedirect()
    {
        var action = new RedirectAction { HttpsRedirect = true };
        var source = new Route { Name = "require_tls", Match = new RouteMatch { Path = new PrefixPath("") }, Action = action };
        return new CompiledRoute(source, virtualHost, -1, null)
        {
            Kind = RouteKind.Redirect,
            Redirect = new CompiledRedirect(action, PathRewrite.None),
        };
    }

    /// <summary>Cluster first, then the three levels in the configured order. Routes without rules of their own share one result.</summary>
    private HeaderMutations Flatten(HeaderSide side, HeaderRules cluster, HeaderRules route)
    {
        if (scope.Errors.Count > 0)
        {
            // There will be no table, and values that cannot be read are among the errors.
            return HeaderMutations.None;
        }

        var isShared = cluster.IsEmpty && route.IsEmpty;
        if (isShared && _shared[(int)side] is { } shared)
        {
            return shared;
        }

        var (host, all) = side == HeaderSide.Request
            ? (_source.RequestHeaders, configuration.RequestHeaders)
            : (_source.ResponseHeaders, configuration.ResponseHeaders);
        var flat = configuration.MostSpecificHeaderMutationsWins
            ? HeaderMutationsBuilder.Flatten(cluster, all, host, route)
            : HeaderMutationsBuilder.Flatten(cluster, route, host, all);
        if (isShared)
        {
            _shared[(int)side] = flat;
        }

        return flat;
    }

    private void CheckPath(RouteMatch match, string path)
    {
        var (field, text) = match.Path switch
        {
            PrefixPath specifier => ("prefix", specifier.Prefix),
            ExactPath specifier => ("path", specifier.Path),
            TemplatePath specifier => (CompilationScope.TemplateField, specifier.Template),
            SeparatedPrefixPath specifier => ("path_separated_prefix", specifier.Prefix),
            _ => ("", ""),
        };
        if (Encoding.UTF8.GetByteCount(text) > MaxPathLength)
        {
            scope.Error($"{path}.{field}", $"the path is longer than {MaxPathLength} bytes", "no request can match it: shorten or remove it");
        }

        if (match.Path is SeparatedPrefixPath { Prefix: var prefix } && (prefix.Length < 2 || prefix.EndsWith('/') || prefix.AsSpan().ContainsAny('?', '#')))
        {
            scope.Error($"{path}.path_separated_prefix", $"'{prefix}' is not a prefix of whole elements", "leave out a '/' at the end, '?' and '#'");
        }
    }

    private void CheckDirectResponse(DirectResponseAction action, string path)
    {
        if (action.Status is < 200 or > 599)
        {
            scope.Error($"{path}.status", $"{action.Status} cannot be answered", "use a status from 200 to 599");
        }

        if (action.Body.Length > configuration.MaxDirectResponseBodySize)
        {
            scope.Error($"{path}.body", $"the body has {action.Body.Length} bytes, the limit is {configuration.MaxDirectResponseBodySize}",
                "shorten it or raise max_direct_response_body_size_bytes");
        }
    }

    private void Require(string value, string path, string what)
    {
        if (value.Length == 0)
        {
            scope.Error(path, $"{what} is needed", "name it");
        }
    }

    private enum HeaderSide
    {
        Request,
        Response,
    }
}

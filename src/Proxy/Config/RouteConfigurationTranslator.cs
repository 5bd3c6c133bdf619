using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns route configurations into route tables.</summary>
internal static class RouteConfigurationTranslator
{
    private const int DefaultMaxDirectResponseBody = 4096;

    /// <summary>
    /// Compiles a route configuration; null, with every fault among <paramref name="problems"/>, where it cannot be used.
    /// What is merely not acted on is among them too, and does not keep it from being used.
    /// </summary>
    /// <param name="message">The resource; it has passed the checks that need no compiling.</param>
    /// <param name="problems">Where faults go.</param>
    /// <param name="place">Where the message stands in a larger one; null where it stands by itself.</param>
    public static RouteTable? Translate(Proto.RouteConfiguration message, TranslationProblems problems, ConfigPath? place = null)
    {
        var path = place ?? ConfigPath.Root;
        var before = problems.Found.Count;
        var configuration = ToRecord(message, problems, path);
        if (RouteTable.TryCompile(configuration, Re2Syntax.Read, out var table, out var errors) && problems.Found.Count == before)
        {
            return table;
        }

        foreach (var error in errors)
        {
            problems.Add(Below(path, error.Path), error.Message, error.Remedy);
        }

        return null;
    }

    private static RouteConfiguration ToRecord(Proto.RouteConfiguration message, TranslationProblems problems, ConfigPath path)
    {
        // Inline in a bootstrap, names are checked against its clusters. What discovery delivers may name a cluster that is still to come.
        if (message.ValidateClusters == true && path.Equals(ConfigPath.Root))
        {
            problems.NotActedOn(path.Field("validate_clusters"));
        }

        return new RouteConfiguration
        {
            Name = message.Name,
            VirtualHosts = [.. message.VirtualHosts.Select((host, i) => ToRecord(host, problems, path.Field("virtual_hosts").Index(i)))],
            RequestHeaders = HeaderRulesTranslator.Request(message.RequestHeadersToAdd, message.RequestHeadersToRemove, problems, path),
            ResponseHeaders = HeaderRulesTranslator.Response(message.ResponseHeadersToAdd, message.ResponseHeadersToRemove, problems, path),
            FilterConfigs = RouteFiltersTranslator.Translate(message.TypedPerFilterConfig, problems, path),
            MostSpecificHeaderMutationsWins = message.MostSpecificHeaderMutationsWins,
            IgnorePortInHostMatching = message.IgnorePortInHostMatching,
            IgnorePathParametersInPathMatching = message.IgnorePathParametersInPathMatching,
            InternalOnlyHeaders = [.. message.InternalOnlyHeaders],
            MirrorPolicies = RouteActionTranslator.Mirrors(message.RequestMirrorPolicies),
            MaxDirectResponseBodySize = (int)Math.Min(message.MaxDirectResponseBodySizeBytes ?? DefaultMaxDirectResponseBody, int.MaxValue),
        };
    }

    private static VirtualHost ToRecord(Proto.VirtualHost message, TranslationProblems problems, ConfigPath path)
    {
        var host = WithoutRoutes(message, problems, path);
        if (message.Matcher is null)
        {
            return host with { Routes = [.. message.Routes.Select((route, i) => RouteTranslator.Translate(route, problems, path.Field("routes").Index(i)))] };
        }

        if (message.Routes.Count > 0)
        {
            problems.Add(path.Field("routes"), "excludes matcher, which is set too", "keep one of the two");
        }

        var translator = new RouteMatcherTranslator(problems);
        var matcher = translator.Translate(message.Matcher, path);
        return host with { Matcher = matcher, Routes = translator.Routes, RoutePlaces = translator.Places };
    }

    private static VirtualHost WithoutRoutes(Proto.VirtualHost message, TranslationProblems problems, ConfigPath path) => new()
    {
        Name = message.Name,
        Domains = [.. message.Domains],
        VirtualClusters =
        [
            .. message.VirtualClusters.Select((cluster, i) => new VirtualCluster(
                cluster.Name,
                [.. cluster.Headers.Select((matcher, j) => MatcherTranslator.Header(matcher, problems, path.Field("virtual_clusters").Index(i).Field("headers").Index(j)))])),
        ],
        RequestHeaders = HeaderRulesTranslator.Request(message.RequestHeadersToAdd, message.RequestHeadersToRemove, problems, path),
        ResponseHeaders = HeaderRulesTranslator.Response(message.ResponseHeadersToAdd, message.ResponseHeadersToRemove, problems, path),
        MirrorPolicies = RouteActionTranslator.Mirrors(message.RequestMirrorPolicies),
        RequireTls = (TlsRequirement)message.RequireTls,
        RetryPolicy = RetryPolicyTranslator.Translate(message.RetryPolicy, problems, path.Field("retry_policy")),
        HedgesOnPerTryTimeout = HedgePolicyTranslator.Translate(message.HedgePolicy, problems, path.Field("hedge_policy")),
        IncludesAttemptCountInRequest = message.IncludeRequestAttemptCount,
        IncludesAttemptCountInResponse = message.IncludeAttemptCountInResponse,
        RequestBodyBufferLimit = RouteTranslator.BufferLimit(message.RequestBodyBufferLimit, message.PerRequestBufferLimitBytes),
        FilterConfigs = RouteFiltersTranslator.Translate(message.TypedPerFilterConfig, problems, path),
    };

    /// <summary>The path of a compilation error, which is text such as <c>virtual_hosts[0].routes[2].match</c>.</summary>
    private static ConfigPath Below(ConfigPath path, string relative)
    {
        foreach (var step in relative.Split(['.', '['], StringSplitOptions.RemoveEmptyEntries))
        {
            path = step.EndsWith(']')
                ? path.Index(int.Parse(step.AsSpan(0, step.Length - 1), System.Globalization.CultureInfo.InvariantCulture))
                : path.Field(step);
        }

        return path;
    }
}

using System.Collections.Immutable;
using Envoy.Extensions.Path.Rewrite.UriTemplate.V3;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Xds.Validation;
using CoreProto = Envoy.Config.Core.V3;
using Proto = Envoy.Config.Route.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the actions of routes into records.</summary>
internal static class RouteActionTranslator
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(15);

    public static ForwardAction Forward(Proto.RouteAction message, TranslationProblems problems, ConfigPath path) => new()
    {
        Cluster = Cluster(message, problems, path),
        MetadataMatch = MetadataTranslator.Match(message.MetadataMatch),
        ClusterNotFoundResponseCode = message.ClusterNotFoundResponseCode switch
        {
            Proto.RouteAction.Types.ClusterNotFoundResponseCode.NotFound => 404,
            Proto.RouteAction.Types.ClusterNotFoundResponseCode.InternalServerError => 500,
            _ => 503,
        },
        Timeout = Timeout(message),
        IdleTimeout = message.IdleTimeout?.ToTimeSpan(),
        MaxStreamDuration = message.MaxStreamDuration?.MaxStreamDuration_?.ToTimeSpan(),
        GrpcTimeout = GrpcTimeout(message),
        PrefixRewrite = message.PrefixRewrite,
        RegexRewrite = MatcherTranslator.Substitution(message.RegexRewrite),
        TemplateRewrite = Template(message.PathRewritePolicy, problems, path.Field("path_rewrite_policy")),
        HostRewrite = Host(message),
        AppendXForwardedHost = message.AppendXForwardedHost,
        RetryPolicy = RetryPolicyTranslator.Translate(message.RetryPolicy, problems, path.Field("retry_policy")),
        HedgesOnPerTryTimeout = HedgePolicyTranslator.Translate(message.HedgePolicy, problems, path.Field("hedge_policy")),
        Upgrades = [.. message.UpgradeConfigs.Select(static upgrade =>
            new UpgradeConfig(upgrade.UpgradeType, upgrade.Enabled ?? true, TerminatesConnect: upgrade.ConnectConfig is not null))],
        Priority = (RoutingPriority)message.Priority,
        InternalRedirects = InternalRedirectTranslator.Translate(message, problems, path),
        MirrorPolicies = Mirrors(message.RequestMirrorPolicies),
        HashPolicies = HashPolicyTranslator.Translate(message.HashPolicy),
    };

    public static ImmutableArray<RequestMirrorPolicy> Mirrors(IEnumerable<Proto.RouteAction.Types.RequestMirrorPolicy> messages) =>
        [.. messages.Select(static message => new RequestMirrorPolicy
        {
            Cluster = message.Cluster,
            ClusterHeader = message.ClusterHeader,
            Fraction = MatcherTranslator.Fraction(message.RuntimeFraction),
            DisablesShadowHostSuffix = message.DisableShadowHostSuffixAppend,
        })];

    public static RedirectAction Redirect(Proto.RedirectAction message) => new()
    {
        HttpsRedirect = message.HttpsRedirect,
        SchemeRedirect = message.SchemeRedirect,
        HostRedirect = message.HostRedirect,
        PortRedirect = (int)Math.Min(message.PortRedirect, int.MaxValue),
        PathRedirect = message.PathRedirect,
        PrefixRewrite = message.PrefixRewrite,
        RegexRewrite = MatcherTranslator.Substitution(message.RegexRewrite),
        ResponseCode = message.ResponseCode switch
        {
            Proto.RedirectAction.Types.RedirectResponseCode.Found => 302,
            Proto.RedirectAction.Types.RedirectResponseCode.SeeOther => 303,
            Proto.RedirectAction.Types.RedirectResponseCode.TemporaryRedirect => 307,
            Proto.RedirectAction.Types.RedirectResponseCode.PermanentRedirect => 308,
            _ => 301,
        },
        StripQuery = message.StripQuery,
    };

    public static DirectResponseAction DirectResponse(Proto.DirectResponseAction message, TranslationProblems problems, ConfigPath path) =>
        new((int)Math.Min(message.Status, int.MaxValue), DataSourceReader.Read(message.Body, problems, path.Field("body")));

    // A route with max_stream_duration has no timeout of its own any more, in Envoy neither.
    private static TimeSpan Timeout(Proto.RouteAction message) =>
        message.MaxStreamDuration is not null ? TimeSpan.Zero : message.Timeout?.ToTimeSpan() ?? DefaultTimeout;

    private static GrpcTimeoutPolicy? GrpcTimeout(Proto.RouteAction message)
    {
        if (message.MaxStreamDuration is { } duration)
        {
            return new GrpcTimeoutPolicy(BoundsStream: true)
            {
                Max = duration.GrpcTimeoutHeaderMax?.ToTimeSpan(),
                Offset = duration.GrpcTimeoutHeaderOffset?.ToTimeSpan() ?? TimeSpan.Zero,
            };
        }

        return message.MaxGrpcTimeout is not { } max
            ? null
            : new GrpcTimeoutPolicy(BoundsStream: false) { Max = max.ToTimeSpan(), Offset = message.GrpcTimeoutOffset?.ToTimeSpan() ?? TimeSpan.Zero };
    }

    private static string Template(CoreProto.TypedExtensionConfig? policy, TranslationProblems problems, ConfigPath path)
    {
        if (policy is null)
        {
            return "";
        }

        if (policy.TypedConfig is { } any && any.TryUnpack<UriTemplateRewriteConfig>(out var rewrite))
        {
            if (rewrite.PathTemplateRewrite.Length == 0)
            {
                problems.Add(path.Field("typed_config").Field("path_template_rewrite"), "is empty", "write a path of text and variables");
            }

            return rewrite.PathTemplateRewrite;
        }

        problems.Add(path, $"\"{policy.Name}\" is not supported", "use envoy.path.rewrite.uri_template with a UriTemplateRewriteConfig");
        return "";
    }

    private static ClusterSpecifier Cluster(Proto.RouteAction message, TranslationProblems problems, ConfigPath path)
    {
        switch (message.ClusterSpecifierCase)
        {
            case Proto.RouteAction.ClusterSpecifierOneofCase.ClusterHeader:
                return new ClusterFromHeader(message.ClusterHeader);
            case Proto.RouteAction.ClusterSpecifierOneofCase.WeightedClusters:
                return Weighted(message.WeightedClusters, message.MetadataMatch, problems, path.Field("weighted_clusters"));
            default:
                return new SingleCluster(message.Cluster);
        }
    }

    private static WeightedClusters Weighted(Proto.WeightedCluster message, CoreProto.Metadata? ofRoute, TranslationProblems problems, ConfigPath path) =>
        new([.. message.Clusters.Select((cluster, i) =>
        {
            var at = path.Field("clusters").Index(i);
            return new WeightedCluster
            {
                Name = cluster.Name,
                ClusterHeader = cluster.ClusterHeader,
                Weight = cluster.Weight ?? 0,
                MetadataMatch = MetadataTranslator.Match(ofRoute, cluster.MetadataMatch),
                HostRewriteLiteral = cluster.HostRewriteLiteral,
                RequestHeaders = HeaderRulesTranslator.Request(cluster.RequestHeadersToAdd, cluster.RequestHeadersToRemove, problems, at),
                ResponseHeaders = HeaderRulesTranslator.Response(cluster.ResponseHeadersToAdd, cluster.ResponseHeadersToRemove, problems, at),
                FilterConfigs = RouteFiltersTranslator.Translate(cluster.TypedPerFilterConfig, problems, at),
            };
        })])
        {
            HeaderName = message.HeaderName,
            RuntimeKeyPrefix = message.RuntimeKeyPrefix,
        };

    private static HostRewrite? Host(Proto.RouteAction message) => message.HostRewriteSpecifierCase switch
    {
        Proto.RouteAction.HostRewriteSpecifierOneofCase.HostRewriteLiteral when message.HostRewriteLiteral.Length > 0 => new HostRewriteLiteral(message.HostRewriteLiteral),
        Proto.RouteAction.HostRewriteSpecifierOneofCase.HostRewriteHeader when message.HostRewriteHeader.Length > 0 => new HostRewriteHeader(message.HostRewriteHeader),
        Proto.RouteAction.HostRewriteSpecifierOneofCase.HostRewritePathRegex => new HostRewritePathRegex(MatcherTranslator.Substitution(message.HostRewritePathRegex)!),
        Proto.RouteAction.HostRewriteSpecifierOneofCase.AutoHostRewrite when message.AutoHostRewrite == true => new AutoHostRewrite(),
        _ => null,
    };
}

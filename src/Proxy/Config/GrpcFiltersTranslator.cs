using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Xds.Validation;
using StatsMessage = Envoy.Extensions.Filters.Http.GrpcStats.V3.FilterConfig;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the filters of gRPC into records.</summary>
internal static class GrpcFiltersTranslator
{
    /// <summary>The filter that counts calls.</summary>
    public static GrpcStatsConfig Stats(HttpFilter filter, StatsMessage message, TranslationProblems problems, ConfigPath path)
    {
        var services = message.IndividualMethodStatsAllowlist?.Services ?? [];
        for (var i = 0; i < services.Count; i++)
        {
            var at = path.Field("individual_method_stats_allowlist").Field("services").Index(i);
            if (services[i].Name.Length == 0)
            {
                problems.Add(at.Field("name"), "is empty", "write the service's name with its package, such as shop.Cart");
            }

            if (services[i].MethodNames.Count == 0)
            {
                problems.Add(at.Field("method_names"), "is empty", "name the methods that are counted by themselves");
            }
        }

        return new GrpcStatsConfig(filter.Name)
        {
            Disabled = filter.Disabled,
            CountsAllMethods = message.StatsForAllMethods ?? false,
            Methods = new ValueList<string>(services.SelectMany(static service => service.MethodNames.Select(method => $"/{service.Name}/{method}"))),
            MeasuresUpstream = message.EnableUpstreamStats,
            ReplacesDots = message.ReplaceDotsInGrpcServiceName,
        };
    }
}

using Envoy.Config.Core.V3;
using KubeProxyNet.Xds.Validation;
using ApiType = Envoy.Config.Core.V3.ApiConfigSource.Types.ApiType;
using GoogleGrpc = Envoy.Config.Core.V3.GrpcService.Types.GoogleGrpc;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>A secret discovery service of its own, beside the aggregated stream (<c>api_config_source</c>). What names the same one shares a stream.</summary>
/// <param name="Cluster">The static cluster that it is (<c>envoy_grpc</c>); empty where its address is given.</param>
/// <param name="Google">Its address and credentials (<c>google_grpc</c>); null where a cluster is given. Not to be changed.</param>
/// <param name="IsDelta">True for the incremental variant of the protocol.</param>
internal sealed record SecretService(string Cluster, GoogleGrpc? Google, bool IsDelta)
{
    /// <summary>Reads it; null after a problem.</summary>
    public static SecretService? Of(ApiConfigSource message, TranslationProblems problems, ConfigPath path)
    {
        if (message.ApiType is not (ApiType.Grpc or ApiType.DeltaGrpc))
        {
            var isAggregated = message.ApiType is ApiType.AggregatedGrpc or ApiType.AggregatedDeltaGrpc;
            problems.Add(path.Field("api_type"), $"{message.ApiType} is not supported for secrets", isAggregated ? "write \"ads: {}\" in place of api_config_source" : "use GRPC or DELTA_GRPC");
            return null;
        }

        if (message.GrpcServices.Count != 1)
        {
            problems.Add(path.Field("grpc_services"), $"there are {message.GrpcServices.Count} services", "give exactly one");
            return null;
        }

        var service = message.GrpcServices[0];
        return new SecretService(service.EnvoyGrpc?.ClusterName ?? "", service.GoogleGrpc, message.ApiType == ApiType.DeltaGrpc);
    }

    /// <summary>The service as a message, for who looks up where it is.</summary>
    public GrpcService ToMessage() => Cluster.Length > 0
        ? new GrpcService { EnvoyGrpc = new GrpcService.Types.EnvoyGrpc { ClusterName = Cluster } }
        : new GrpcService { GoogleGrpc = Google };
}

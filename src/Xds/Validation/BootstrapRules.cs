using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Stream.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Rules on a bootstrap as a whole: unique names, and references to what exists.</summary>
internal static class BootstrapRules
{
    public static void Check(Bootstrap bootstrap, ConfigPath path, ConfigProblems problems)
    {
        var resources = bootstrap.StaticResources ?? new Bootstrap.Types.StaticResources();
        var at = path.Field("static_resources");
        var clusters = CheckUnique("cluster", [.. resources.Clusters.Select(cluster => cluster.Name)], at.Field("clusters"), problems);
        CheckUnique("listener", [.. resources.Listeners.Select(listener => listener.Name)], at.Field("listeners"), problems);
        CheckUnique("secret", [.. resources.Secrets.Select(secret => secret.Name)], at.Field("secrets"), problems);
        CheckAddresses(resources.Listeners, at.Field("listeners"), problems);
        AddressRules.CheckIsIp(bootstrap.Admin?.Address, path.Field("admin").Field("address"), problems);
        CheckAdminAddress(bootstrap.Admin, path.Field("admin"), problems);
        CheckAdminLogs(bootstrap.Admin, path.Field("admin"), problems);
        if (bootstrap.ClusterManager?.LocalClusterName is { Length: > 0 } local && !clusters.ContainsKey(local))
        {
            problems.Invalid(path.Field("cluster_manager").Field("local_cluster_name"), $"there is no cluster \"{local}\" in static_resources", "name the cluster of this proxy and those like it, or remove it");
        }

        CheckDynamic(bootstrap.DynamicResources, clusters, path.Field("dynamic_resources"), problems);
        CheckSources(resources, bootstrap.DynamicResources?.AdsConfig, at, problems);

        // With clusters still to come from a control plane, a route may name one of those.
        if (bootstrap.DynamicResources?.CdsConfig is null)
        {
            for (var i = 0; i < resources.Listeners.Count; i++)
            {
                CheckRoutes(resources.Listeners[i], clusters, at.Field("listeners").Index(i), problems);
            }
        }
    }

    private static Dictionary<string, int> CheckUnique(string kind, IReadOnlyList<string> names, ConfigPath path, ConfigProblems problems)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i].Length > 0 && !seen.TryAdd(names[i], i))
            {
                problems.Invalid(path.Index(i).Field("name"), $"a {kind} \"{names[i]}\" exists already at {path.Index(seen[names[i]])}", $"give each {kind} its own name");
            }
        }

        return seen;
    }

    private static void CheckAddresses(RepeatedField<Listener> listeners, ConfigPath path, ConfigProblems problems)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < listeners.Count; i++)
        {
            // Port 0 is a different port each time.
            if (listeners[i].Address is not { } address || address.SocketAddress is { PortValue: 0 } || listeners[i].BindToPort == false)
            {
                continue;
            }

            var text = AddressRules.Describe(address);
            if (text.Length > 0 && !seen.TryAdd(text, i))
            {
                problems.Invalid(path.Index(i).Field("address"), $"{text} is the address of {path.Index(seen[text])} too", "give each listener its own address");
            }
        }
    }

    private static void CheckAdminAddress(Admin? admin, ConfigPath path, ConfigProblems problems)
    {
        if (admin?.Address?.Pipe is not null)
        {
            problems.NotActedOn(path.Field("address").Field("pipe"), "the admin page is not served on a Unix domain socket", "use socket_address, such as 127.0.0.1 and port 9901");
        }
    }

    /// <summary>The admin page keeps no log, which is what a log to /dev/null asks for.</summary>
    private static void CheckAdminLogs(Admin? admin, ConfigPath path, ConfigProblems problems)
    {
        for (var i = 0; i < (admin?.AccessLog.Count ?? 0); i++)
        {
            var config = admin!.AccessLog[i].TypedConfig ?? new Any();
            if (config.Is(StdoutAccessLog.Descriptor) || config.Is(StderrAccessLog.Descriptor) || PathOf(config) is { Length: > 0 } and not "/dev/null")
            {
                problems.NotActedOn(path.Field("access_log").Index(i), ConfigText.NotActedOn("access_log"), ConfigText.RemoveIt);
            }
        }
    }

    private static string? PathOf(Any config) =>
        config.Is(FileAccessLog.Descriptor) && WireParser.TryParse(FileAccessLog.Descriptor, config.Value, out var file, out _) ? ((FileAccessLog)file).Path : null;

    private static void CheckDynamic(Bootstrap.Types.DynamicResources? dynamic, Dictionary<string, int> clusters, ConfigPath path, ConfigProblems problems)
    {
        if (dynamic is null)
        {
            return;
        }

        CheckSource(dynamic.LdsConfig, dynamic.AdsConfig, path.Field("lds_config"), problems);
        CheckSource(dynamic.CdsConfig, dynamic.AdsConfig, path.Field("cds_config"), problems);
        if (dynamic.AdsConfig is not { } ads)
        {
            return;
        }

        var at = path.Field("ads_config");
        if (ads.ApiType is not (ApiConfigSource.Types.ApiType.Grpc or ApiConfigSource.Types.ApiType.DeltaGrpc))
        {
            problems.Invalid(at.Field("api_type"), "the aggregated stream is spoken over gRPC only", "use GRPC or DELTA_GRPC");
        }

        if (ads.GrpcServices.Count == 0)
        {
            problems.Invalid(at.Field("grpc_services"), "\"grpc_services\" of the aggregated stream is required", "add a grpc_service");
        }

        for (var i = 0; i < ads.GrpcServices.Count; i++)
        {
            if (ads.GrpcServices[i].EnvoyGrpc?.ClusterName is { Length: > 0 } name && !clusters.ContainsKey(name))
            {
                problems.Dangling(at.Field("grpc_services").Index(i).Field("envoy_grpc").Field("cluster_name"), NoCluster(name), Suggest(name, clusters.Keys));
            }
        }
    }

    private static void CheckSource(ConfigSource? source, ApiConfigSource? ads, ConfigPath path, ConfigProblems problems)
    {
        if (source?.ConfigSourceSpecifierCase == ConfigSource.ConfigSourceSpecifierOneofCase.Ads && ads is null)
        {
            problems.Dangling(path.Field("ads"), "refers to the aggregated stream, but there is none", "add ads_config to dynamic_resources");
        }
    }

    /// <summary>Static clusters and listeners may get their endpoints and routes over the aggregated stream, where there is one.</summary>
    private static void CheckSources(Bootstrap.Types.StaticResources resources, ApiConfigSource? ads, ConfigPath path, ConfigProblems problems)
    {
        for (var i = 0; i < resources.Clusters.Count; i++)
        {
            CheckSource(resources.Clusters[i].EdsClusterConfig?.EdsConfig, ads, path.Field("clusters").Index(i).Field("eds_cluster_config").Field("eds_config"), problems);
            CheckSecrets(resources.Clusters[i].TransportSocket, ads, path.Field("clusters").Index(i), problems);
            for (var j = 0; j < resources.Clusters[i].TransportSocketMatches.Count; j++)
            {
                CheckSecrets(resources.Clusters[i].TransportSocketMatches[j].TransportSocket, ads, path.Field("clusters").Index(i).Field("transport_socket_matches").Index(j), problems);
            }
        }

        for (var i = 0; i < resources.Listeners.Count; i++)
        {
            foreach (var (chain, at) in ChainsOf(resources.Listeners[i], path.Field("listeners").Index(i)))
            {
                CheckSecrets(chain.TransportSocket, ads, at, problems);
                for (var k = 0; k < chain.Filters.Count; k++)
                {
                    CheckSource(ManagerOf(chain.Filters[k])?.Rds?.ConfigSource, ads, at.Field("filters").Index(k).Field("typed_config").Field("rds").Field("config_source"), problems);
                }
            }
        }
    }

    private static void CheckSecrets(TransportSocket? socket, ApiConfigSource? ads, ConfigPath path, ConfigProblems problems)
    {
        foreach (var (source, at) in SecretSources.Of(socket, path))
        {
            CheckSource(source, ads, at, problems);
        }
    }

    private static void CheckRoutes(Listener listener, Dictionary<string, int> clusters, ConfigPath path, ConfigProblems problems)
    {
        foreach (var (chain, at) in ChainsOf(listener, path))
        {
            CheckRoutes(chain, clusters, at, problems);
        }
    }

    private static IEnumerable<(FilterChain Chain, ConfigPath Path)> ChainsOf(Listener listener, ConfigPath path)
    {
        var chains = listener.FilterChains.Select((chain, index) => (chain, path.Field("filter_chains").Index(index)));
        return listener.DefaultFilterChain is { } last ? chains.Append((last, path.Field("default_filter_chain"))) : chains;
    }

    private static void CheckRoutes(FilterChain chain, Dictionary<string, int> clusters, ConfigPath path, ConfigProblems problems)
    {
        for (var i = 0; i < chain.Filters.Count; i++)
        {
            foreach (var (name, where) in TcpClusters.Of(chain.Filters[i], path.Field("filters").Index(i).Field("typed_config")).Where(use => !clusters.ContainsKey(use.Cluster)))
            {
                problems.Dangling(where, NoCluster(name), Suggest(name, clusters.Keys));
            }

            if (ManagerOf(chain.Filters[i])?.RouteConfig is not { } routes || routes.ValidateClusters == false)
            {
                continue;
            }

            var at = path.Field("filters").Index(i).Field("typed_config").Field("route_config");
            foreach (var (name, where) in RouteRules.ClusterNames(routes, at).Where(use => use.Cluster.Length > 0 && !clusters.ContainsKey(use.Cluster)))
            {
                problems.Dangling(where, NoCluster(name), Suggest(name, clusters.Keys));
            }
        }
    }

    /// <summary>The connection manager in a filter; null without any. Bytes that are malformed are reported where the filter is checked by itself.</summary>
    private static HttpConnectionManager? ManagerOf(Filter filter) =>
        filter.TypedConfig is { } config && config.Is(HttpConnectionManager.Descriptor)
        && WireParser.TryParse(HttpConnectionManager.Descriptor, config.Value, out var manager, out _)
            ? (HttpConnectionManager)manager
            : null;

    private static string NoCluster(string name) => $"there is no cluster \"{name}\"";

    private static string Suggest(string name, IEnumerable<string> clusters) =>
        NameSuggestion.Nearest(name, clusters) is { } nearest ? $"did you mean \"{nearest}\"?" : $"add it to static_resources.clusters";
}

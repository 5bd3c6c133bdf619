using System.Net;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>Listeners with several filter chains, and what they are made of.</summary>
internal static class ChainProxy
{
    /// <summary>What connections are logged by.</summary>
    public const string TcpLog = "%REQUESTED_SERVER_NAME% %UPSTREAM_CLUSTER% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %FILTER_CHAIN_NAME%\n";

    public static RunningProxy Start(Func<ListenerConfig, ListenerConfig> listener, params ClusterSpecification[] clusters) =>
        RunningProxy.Start(RunningProxy.Everything("none"), clusters, listener: listener);

    /// <summary>Sends connections to a cluster, and logs them where the proxy logs its requests.</summary>
    public static FilterChainConfig Tcp(ListenerConfig from, string cluster, FilterChainMatch? match = null, Func<TcpProxyConfig, TcpProxyConfig>? configure = null)
    {
        var config = new TcpProxyConfig
        {
            StatPrefix = "test",
            Clusters = [new TcpClusterConfig(cluster)],
            FilterChainName = cluster,
            AccessLogs = [new AccessLogConfig(from.FilterChains[0].Http!.AccessLogs[0].Path, AccessLogFormat.Parse(TcpLog))],
        };
        return new FilterChainConfig { Name = cluster, Match = match ?? FilterChainMatch.Any, TcpProxy = configure?.Invoke(config) ?? config };
    }

    /// <summary>Answers every request with 200 and this text.</summary>
    public static FilterChainConfig Answering(string text, FilterChainMatch? match = null) => new()
    {
        Name = text,
        Match = match ?? FilterChainMatch.Any,
        Http = new HttpConnectionManagerConfig
        {
            StatPrefix = text,
            InlineRoutes = RunningProxy.Table(new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new DirectResponseAction(200, System.Text.Encoding.ASCII.GetBytes(text)) }),
        },
    };

    public static FilterChainMatch Named(params string[] names) => new() { ServerNames = new ValueList<string>(names) };

    public static FilterChainMatch Speaking(params string[] protocols) => new() { ApplicationProtocols = new ValueList<string>(protocols) };

    public static FilterChainMatch From(string address, int prefixLength) =>
        new() { SourceRanges = new ValueList<CidrRange>([new CidrRange(IPAddress.Parse(address), prefixLength)]) };
}

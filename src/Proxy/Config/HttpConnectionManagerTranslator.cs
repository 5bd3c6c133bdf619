using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Xds.Validation;
using CodecType = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.CodecType;
using ServerTransformation = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.ServerHeaderTransformation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the settings of an HTTP connection manager into what the engine runs.</summary>
internal static class HttpConnectionManagerTranslator
{
    // What a worker can compose in one piece bounds a head: see BlockPool.
    private const int MaxHeadKilobytes = BlockPool.Large / 1024 / 2;

    private const uint MaxFields = 10_000;

    /// <summary>Streams of a connection at the edge, where nothing is said of them: a browser's need, and the advice of Envoy's documentation.</summary>
    private const int StreamsAtEdge = 100;

    /// <summary>The settings; null where they cannot be used, which <paramref name="problems"/> then tells.</summary>
    /// <param name="message">A message that passed the checks of its schema.</param>
    /// <param name="bufferLimit"><c>per_connection_buffer_limit_bytes</c> of the listener; null for the default.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where it stands.</param>
    public static HttpConnectionManagerConfig? Translate(HttpConnectionManager message, uint? bufferLimit, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        if (message.CodecType == CodecType.Http3)
        {
            problems.Add(path.Field("codec_type"), "HTTP/3 is not supported", "use AUTO, HTTP1 or HTTP2");
        }

        var filters = HttpFiltersTranslator.Translate(message, problems, path, out var router);
        var routes = RoutesOf(message, problems, path);
        var logs = AccessLogTranslator.Translate(message.AccessLog, problems, path.Field("access_log"));
        var headKilobytes = message.MaxRequestHeadersKb ?? 60u;
        if (headKilobytes > MaxHeadKilobytes)
        {
            problems.Add(path.Field("max_request_headers_kb"), $"{headKilobytes} is more than {MaxHeadKilobytes}", $"write a number from 1 to {MaxHeadKilobytes}");
        }

        var common = message.CommonHttpProtocolOptions;
        var fields = common?.MaxHeadersCount ?? HeadParser.DefaultMaxFields;
        if (fields > MaxFields)
        {
            problems.Add(path.Field("common_http_protocol_options").Field("max_headers_count"), $"{fields} is more than {MaxFields}", $"write a number from 1 to {MaxFields}");
        }

        var defaults = ClientIdentityTranslator.Translate(new HttpConnectionManagerConfig { StatPrefix = message.StatPrefix }, message, problems, path);
        var (http2, customSettings) = new Http2SettingsTranslator(problems).Translate(message.Http2ProtocolOptions, path.Field("http2_protocol_options"));
        if (problems.Found.Count > before)
        {
            return null;
        }

        var http1 = message.HttpProtocolOptions;
        return defaults with
        {
            Codec = message.CodecType switch
            {
                CodecType.Http1 => HttpCodec.Http1,
                CodecType.Http2 => HttpCodec.Http2,
                _ => HttpCodec.Auto,
            },
            Http2 = Http2OptionsTranslator.Translate(
                http2, bufferLimit, message.UseRemoteAddress == true ? StreamsAtEdge : Http2OptionsTranslator.DefaultStreams, message.StreamErrorOnInvalidHttpMessage) with
            {
                CustomSettings = customSettings,
            },
            InlineRoutes = routes,
            RouteConfigName = message.Rds?.RouteConfigName,
            ServerName = message.ServerName.Length > 0 ? message.ServerName : defaults.ServerName,
            ServerHeader = message.ServerHeaderTransformation switch
            {
                ServerTransformation.AppendIfAbsent => ServerHeaderTransformation.AppendIfAbsent,
                ServerTransformation.PassThrough => ServerHeaderTransformation.PassThrough,
                _ => ServerHeaderTransformation.Overwrite,
            },
            AcceptHttp10 = http1?.AcceptHttp10 ?? false,
            DefaultHostForHttp10 = http1?.DefaultHostForHttp10 ?? "",
            EnablesTrailers = http1?.EnableTrailers ?? false,
            SuppressEnvoyHeaders = router?.SuppressEnvoyHeaders ?? false,
            SuppressGrpcCodeStats = router?.SuppressGrpcRequestFailureCodeStats ?? false,
            IdleTimeout = Or(common?.IdleTimeout, defaults.IdleTimeout),
            RequestHeadersTimeout = Or(message.RequestHeadersTimeout, defaults.RequestHeadersTimeout),
            RequestTimeout = Or(message.RequestTimeout, defaults.RequestTimeout),
            StreamIdleTimeout = Or(message.StreamIdleTimeout, defaults.StreamIdleTimeout),
            MaxConnectionDuration = Or(common?.MaxConnectionDuration, defaults.MaxConnectionDuration),
            MaxStreamDuration = Or(common?.MaxStreamDuration, defaults.MaxStreamDuration),
            DelayedCloseTimeout = Or(message.DelayedCloseTimeout, defaults.DelayedCloseTimeout),
            MaxRequestHeadBytes = (int)headKilobytes * 1024,
            MaxRequestFields = (int)fields,
            MaxRequestsPerConnection = (int)Math.Min(common?.MaxRequestsPerConnection ?? 0u, int.MaxValue),
            Upgrades = message.UpgradeConfigs.Count == 0
                ? []
                : [.. message.UpgradeConfigs.Select(static upgrade => new UpgradeConfig(upgrade.UpgradeType, upgrade.Enabled ?? true))],
            DrainTimeout = Or(message.DrainTimeout, defaults.DrainTimeout),
            Filters = filters,
            AccessLogs = logs,
        };
    }

    private static TimeSpan Or(Duration? duration, TimeSpan fallback) => duration?.ToTimeSpan() ?? fallback;

    private static RouteTable? RoutesOf(HttpConnectionManager message, TranslationProblems problems, ConfigPath path)
    {
        switch (message.RouteSpecifierCase)
        {
            case HttpConnectionManager.RouteSpecifierOneofCase.RouteConfig:
                return RouteConfigurationTranslator.Translate(message.RouteConfig, problems, path.Field("route_config"));
            case HttpConnectionManager.RouteSpecifierOneofCase.Rds:
                if (message.Rds.ConfigSource?.Ads is null)
                {
                    problems.Add(path.Field("rds").Field("config_source"), "routes are discovered over ADS only", "write \"ads: {}\"");
                }

                return null;
            default:
                problems.Add(path, "routes are missing", "add route_config or rds");
                return null;
        }
    }
}

using Envoy.Config.Core.V3;
using Envoy.Extensions.HealthCheck.EventSinks.File.V3;
using Envoy.Type.V3;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using Proto = Envoy.Config.Core.V3.HealthCheck;
using StringMatcherMessage = Envoy.Type.Matcher.V3.StringMatcher;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns active health checks into records.</summary>
internal sealed class HealthCheckTranslator(string cluster, bool speaksHttp2, TranslationProblems problems)
{
    private const int FirstStatus = 100;
    private const int EndOfStatuses = 600;

    // Envoy keeps longer times as well, but nobody waits for a day on purpose, and sums must not overflow.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(365);

    /// <summary>The checks of a cluster; null for none, and where they cannot be done, which <paramref name="problems"/> then tells.</summary>
    /// <param name="message">The cluster.</param>
    /// <param name="speaksHttp2">True where traffic may go to it by HTTP/2.</param>
    /// <param name="problems">What is wrong with it.</param>
    public static HealthCheckConfig? Translate(ClusterMessage message, bool speaksHttp2, TranslationProblems problems)
    {
        var path = ConfigPath.Root.Field("health_checks");
        if (message.HealthChecks.Count > 1)
        {
            problems.Add(path.Index(1), "a cluster has one health check at most, in Envoy too", "keep the one that says most");
        }

        return message.HealthChecks.Count == 0 ? null : new HealthCheckTranslator(message.Name, speaksHttp2, problems).Translate(message.HealthChecks[0], path.Index(0));
    }

    private HealthCheckConfig? Translate(Proto message, ConfigPath path)
    {
        var probe = message.HealthCheckerCase switch
        {
            Proto.HealthCheckerOneofCase.HttpHealthCheck => Http(message.HttpHealthCheck, path.Field("http_health_check")),
            Proto.HealthCheckerOneofCase.TcpHealthCheck => Tcp(message.TcpHealthCheck, path.Field("tcp_health_check")),
            Proto.HealthCheckerOneofCase.GrpcHealthCheck => Grpc(message.GrpcHealthCheck, path.Field("grpc_health_check")),
            _ => Unsupported(path.Field("health_checker"), "what is to be checked is not said"),
        };
        return probe is null ? null : new HealthCheckConfig
        {
            Probe = probe,
            Timeout = Time(message.Timeout, path.Field("timeout")) ?? TimeSpan.FromSeconds(1),
            Interval = Time(message.Interval, path.Field("interval")) ?? TimeSpan.FromSeconds(1),
            InitialJitter = Jitter(message.InitialJitter),
            IntervalJitter = Jitter(message.IntervalJitter),
            IntervalJitterPercent = (int)Math.Min(message.IntervalJitterPercent, int.MaxValue),
            UnhealthyThreshold = (int)Math.Clamp(message.UnhealthyThreshold ?? 1u, 1u, int.MaxValue),
            HealthyThreshold = (int)Math.Clamp(message.HealthyThreshold ?? 1u, 1u, int.MaxValue),
            ReuseConnection = message.ReuseConnection ?? true,
            NoTrafficInterval = Time(message.NoTrafficInterval, path.Field("no_traffic_interval")) ?? TimeSpan.FromSeconds(60),
            NoTrafficHealthyInterval = Time(message.NoTrafficHealthyInterval, path.Field("no_traffic_healthy_interval")),
            UnhealthyInterval = Time(message.UnhealthyInterval, path.Field("unhealthy_interval")),
            UnhealthyEdgeInterval = Time(message.UnhealthyEdgeInterval, path.Field("unhealthy_edge_interval")),
            HealthyEdgeInterval = Time(message.HealthyEdgeInterval, path.Field("healthy_edge_interval")),
            EventLogPaths = new ValueList<string>(EventLogs(message, path).Distinct()),
            AlwaysLogFailures = message.AlwaysLogHealthCheckFailures,
            AlwaysLogSuccesses = message.AlwaysLogHealthCheckSuccess,
            AlpnProtocols = Alpn(message, path.Field("tls_options").Field("alpn_protocols")),
            TransportSocketCriteria = MetadataTranslator.OfCriteria(message.TransportSocketMatchCriteria),
        };
    }

    private ValueList<string> Alpn(Proto message, ConfigPath path)
    {
        var protocols = message.TlsOptions?.AlpnProtocols ?? [];
        for (var i = 0; i < protocols.Count; i++)
        {
            if (protocols[i].Length is 0 or > byte.MaxValue)
            {
                problems.Add(path.Index(i), "a protocol of ALPN has 1 to 255 bytes", "write one such as http/1.1");
                return ValueList<string>.Empty;
            }
        }

        return new ValueList<string>(protocols);
    }

    private IEnumerable<string> EventLogs(Proto message, ConfigPath path)
    {
        if (message.EventLogPath.Length > 0)
        {
            yield return Openable(message.EventLogPath, path.Field("event_log_path"));
        }

        for (var i = 0; i < message.EventLogger.Count; i++)
        {
            var place = path.Field("event_logger").Index(i).Field("typed_config");
            if (message.EventLogger[i].TypedConfig?.TryUnpack(out HealthCheckEventFileSink sink) == true)
            {
                yield return Openable(sink.EventLogPath, place.Field("event_log_path"));
            }
            else
            {
                problems.Add(place, "events are logged to files only", "use envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink");
            }
        }
    }

    private string Openable(string file, ConfigPath path)
    {
        // Looked at and not opened: a configuration that is only checked leaves no file behind.
        if (Directory.Exists(file) || (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder && !Directory.Exists(folder)))
        {
            problems.Add(path, $"\"{file}\" cannot be written", "name a file in a folder that exists");
        }

        return file;
    }

    private TcpHealthCheck Tcp(Proto.Types.TcpHealthCheck message, ConfigPath path) => new()
    {
        Send = Bytes(message.Send, path.Field("send")),
        Receive = All(message.Receive, path.Field("receive")),
    };

    private HttpHealthCheck Http(Proto.Types.HttpHealthCheck message, ConfigPath path)
    {
        if (message.CodecClientType is not (CodecClientType.Http1 or CodecClientType.Http2))
        {
            problems.Add(path.Field("codec_client_type"), "endpoints are checked by HTTP/1.1 or HTTP/2", "use HTTP1 or HTTP2");
        }

        if (message.Path.Length == 0)
        {
            problems.Add(path.Field("path"), "what is asked for is not said", "write a path such as /healthz");
        }

        if (message.Path.AsSpan().ContainsAnyInRange('\0', ' ') || message.Path.Contains('\x7F', StringComparison.Ordinal))
        {
            problems.Add(path.Field("path"), "a path holds no spaces and no control characters", "write them percent-encoded");
        }

        var (host, hostPath) = message.Host.Length > 0 ? (message.Host, path.Field("host")) : (cluster, path.Field("host"));
        CheckHost(host, hostPath);
        var receive = All(message.Receive, path.Field("receive"));
        var check = new HttpHealthCheck
        {
            UsesHttp2 = message.CodecClientType == CodecClientType.Http2,
            Method = MethodOf(message, path.Field("method")),
            Path = message.Path,
            Host = host,
            HeaderLines = HealthCheckHeaders.Lines(message, problems, path),
            Send = Bytes(message.Send, path.Field("send")),
            Receive = receive,
            ResponseBufferSize = (long)Math.Min(message.ResponseBufferSize ?? HttpHealthCheck.DefaultResponseBufferSize, long.MaxValue),
            RetriableStatuses = Statuses(message.RetriableStatuses, path.Field("retriable_statuses")),
            ServiceName = message.ServiceNameMatcher is null ? null : ServiceName(message.ServiceNameMatcher, path.Field("service_name_matcher")),
        };
        if (message.Send is not null && check.Method is "GET" or "HEAD" or "DELETE" or "TRACE")
        {
            problems.Add(path.Field("send"), $"a request with {check.Method} has no body", "use POST, PUT, PATCH or OPTIONS, or remove it");
        }

        if (check.ResponseBufferSize > 0 && receive.Sum(static payload => (long)payload.Bytes.Length) > check.ResponseBufferSize)
        {
            problems.Add(path.Field("receive"), $"more is expected than the {check.ResponseBufferSize} bytes that are looked at", "raise response_buffer_size, or set it to 0 for all of the body");
        }

        return message.ExpectedStatuses.Count == 0 ? check : check with { ExpectedStatuses = Statuses(message.ExpectedStatuses, path.Field("expected_statuses")) };
    }

    private GrpcHealthCheck Grpc(Proto.Types.GrpcHealthCheck message, ConfigPath path)
    {
        if (!speaksHttp2)
        {
            problems.Add(path, "checks by gRPC need HTTP/2", "set http2_protocol_options in the HttpProtocolOptions of the cluster, or use http_health_check or tcp_health_check");
        }

        var authority = message.Authority.Length > 0 ? message.Authority : cluster;
        CheckHost(authority, path.Field("authority"));
        return new GrpcHealthCheck
        {
            ServiceName = message.ServiceName,
            Authority = authority,
            HeaderLines = HealthCheckHeaders.Lines(message, problems, path),
        };
    }

    private void CheckHost(string host, ConfigPath path)
    {
        if (host.Any(char.IsControl))
        {
            problems.Add(path, "a host header holds no control characters", "set host to a name that the endpoints know");
        }
    }

    private string MethodOf(Proto.Types.HttpHealthCheck message, ConfigPath path)
    {
        if (message.Method == RequestMethod.Connect)
        {
            problems.Add(path, "CONNECT is no method to check health with", "use GET or another method");
        }

        return message.Method == RequestMethod.MethodUnspecified ? "GET" : message.Method.ToString().ToUpperInvariant();
    }

    private ValueList<StatusRange> Statuses(RepeatedField<Int64Range> ranges, ConfigPath path)
    {
        for (var i = 0; i < ranges.Count; i++)
        {
            if (ranges[i].Start < FirstStatus || ranges[i].End > EndOfStatuses || ranges[i].Start >= ranges[i].End)
            {
                problems.Add(path.Index(i), $"{ranges[i].Start} to {ranges[i].End} is no range of statuses", "let start be at least 100 and end, which is not part of it, at most 600 and above start");
            }
        }

        return new ValueList<StatusRange>(ranges.Select(static range => new StatusRange((int)Math.Clamp(range.Start, 0, EndOfStatuses), (int)Math.Clamp(range.End, 0, EndOfStatuses))));
    }

    private ServiceNameMatch? ServiceName(StringMatcherMessage message, ConfigPath path)
    {
        switch (message.MatchPatternCase)
        {
            case StringMatcherMessage.MatchPatternOneofCase.Exact:
                return new ServiceNameMatch(ServiceNameMatchKind.Exact, message.Exact, message.IgnoreCase);
            case StringMatcherMessage.MatchPatternOneofCase.Prefix:
                return new ServiceNameMatch(ServiceNameMatchKind.Prefix, message.Prefix, message.IgnoreCase);
            case StringMatcherMessage.MatchPatternOneofCase.Suffix:
                return new ServiceNameMatch(ServiceNameMatchKind.Suffix, message.Suffix, message.IgnoreCase);
            case StringMatcherMessage.MatchPatternOneofCase.Contains:
                return new ServiceNameMatch(ServiceNameMatchKind.Contains, message.Contains, message.IgnoreCase);
            case StringMatcherMessage.MatchPatternOneofCase.SafeRegex:
                if (Re2Pattern.TryTranslate(message.SafeRegex.Regex, out var pattern, out var reason))
                {
                    return new ServiceNameMatch(ServiceNameMatchKind.Regex, message.SafeRegex.Regex) { Regex = pattern.Compile(fullMatch: true) };
                }

                problems.Add(path.Field("safe_regex").Field("regex"), $"\"{message.SafeRegex.Regex}\" is not a usable regular expression: {reason}", "correct the expression");
                return null;
            default:
                problems.Add(path, "a string matcher needs a pattern", "add one of exact, prefix, suffix, contains and safe_regex");
                return null;
        }
    }

    private ValueList<Payload> All(RepeatedField<Proto.Types.Payload> messages, ConfigPath path) =>
        new(messages.Select((message, i) => Bytes(message, path.Index(i))).Where(static payload => payload.Bytes.Length > 0).ToArray());

    private Payload Bytes(Proto.Types.Payload? message, ConfigPath path)
    {
        if (message?.PayloadCase != Proto.Types.Payload.PayloadOneofCase.Text)
        {
            return message is null ? Payload.Empty : new Payload(message.Binary.Span);
        }

        try
        {
            if (message.Text.Length > 0)
            {
                return new Payload(Convert.FromHexString(message.Text));
            }
        }
        catch (FormatException)
        {
            // Told below, with the empty text.
        }

        problems.Add(path.Field("text"), $"\"{message.Text}\" is no hexadecimal text", "write two of 0-9 and a-f for each byte, or use binary");
        return Payload.Empty;
    }

    private TimeSpan? Time(Duration? message, ConfigPath path)
    {
        if (message is null)
        {
            return null;
        }

        var time = Jitter(message);
        if (time <= TimeSpan.Zero)
        {
            problems.Add(path, "a time of zero or less never passes", "let it be above zero");
        }

        return time;
    }

    private static TimeSpan Jitter(Duration? message) => message is null ? TimeSpan.Zero
        : message.Seconds > (long)Longest.TotalSeconds ? Longest
        : TimeSpan.FromSeconds(Math.Max(message.Seconds, -1)) + TimeSpan.FromTicks(message.Nanos / TimeSpan.NanosecondsPerTick);

    private HealthCheckProbe? Unsupported(ConfigPath path, string reason)
    {
        problems.Add(path, reason, "use http_health_check or tcp_health_check");
        return null;
    }
}

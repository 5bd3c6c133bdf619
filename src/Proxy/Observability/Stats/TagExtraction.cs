using System.Text;
using System.Text.RegularExpressions;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>
/// Splits a flat name into a metric and its labels by Envoy's default tag rules: cluster, HTTP connection manager prefix, listener
/// address, worker, route configuration, virtual host with its routes and virtual clusters, response code and class.
/// </summary>
/// <remarks>
/// One difference: Envoy takes the first dot-separated word as the cluster's name or the prefix, which tears <c>web.default</c> apart. We
/// know the shape of the metrics behind the name, so a name with dots stays whole.
/// </remarks>
internal static partial class TagExtraction
{
    /// <summary>The metric's name without <c>envoy_</c>, dots kept.</summary>
    /// <param name="name">The flat name.</param>
    /// <param name="labels">Takes the labels in Prometheus' form, comma-separated; what it held is dropped.</param>
    internal static string Extract(string name, StringBuilder labels)
    {
        labels.Clear();
        return ExtractOwner(ExtractResponseCode(name, labels), labels);
    }

    private static string ExtractResponseCode(string name, StringBuilder labels)
    {
        var at = name.LastIndexOf("_rq_", StringComparison.Ordinal);
        var tail = at < 0 ? default : name.AsSpan(at + 4);
        if (tail.Length != 3 || !char.IsAsciiDigit(tail[0]))
        {
            return name;
        }

        if (tail[1..] is "xx")
        {
            AddLabel(labels, "envoy_response_code_class", tail[..1]);
            return string.Concat(name.AsSpan(0, at), "_rq_xx");
        }

        if (char.IsAsciiDigit(tail[1]) && char.IsAsciiDigit(tail[2]))
        {
            AddLabel(labels, "envoy_response_code", tail);
            return name[..(at + 3)];
        }

        return name;
    }

    private static string ExtractOwner(string name, StringBuilder labels)
    {
        if (name.StartsWith("cluster.", StringComparison.Ordinal))
        {
            // Few names are those of calls, and the pattern is slow to find out.
            if (name.Contains(".grpc", StringComparison.Ordinal) && GrpcMethod().Match(name) is { Success: true } call)
            {
                AddLabel(labels, "envoy_cluster_name", call.Groups["cluster"].ValueSpan);
                AddLabel(labels, "envoy_grpc_bridge_service", call.Groups["service"].ValueSpan);
                AddLabel(labels, "envoy_grpc_bridge_method", call.Groups["method"].ValueSpan);
                return $"cluster.{call.Groups["kind"].Value}.{call.Groups["metric"].Value}";
            }

            return ExtractNamed(name, "cluster.", "envoy_cluster_name", ClusterMetric(), labels);
        }

        if (name.StartsWith("http.", StringComparison.Ordinal))
        {
            return ExtractHttp(name, labels);
        }

        if (name.StartsWith("listener.", StringComparison.Ordinal) && !name.StartsWith("listener.admin.", StringComparison.Ordinal))
        {
            return ExtractListener(name, labels);
        }

        var counted = VirtualHost().Match(name);
        if (counted.Success)
        {
            var kind = counted.Groups["kind"].Value;
            AddLabel(labels, "envoy_virtual_host", counted.Groups["host"].ValueSpan);
            AddLabel(labels, kind == "route" ? "envoy_route" : "envoy_virtual_cluster", counted.Groups["name"].ValueSpan);
            return $"vhost.{kind}.{counted.Groups["metric"].Value}";
        }

        var worker = OtherWorker().Match(name);
        if (worker.Success)
        {
            AddLabel(labels, "envoy_worker_id", worker.Groups["worker"].ValueSpan);
            return worker.Groups["root"].Value + name[worker.Length..];
        }

        return name;
    }

    private static string ExtractHttp(string name, StringBuilder labels)
    {
        var rds = RouteConfiguration().Match(name);
        if (rds.Success)
        {
            AddLabel(labels, "envoy_rds_route_config", rds.Groups["route"].ValueSpan);
            AddLabel(labels, "envoy_http_conn_manager_prefix", rds.Groups["prefix"].ValueSpan);
            return "http.rds." + rds.Groups["metric"].Value;
        }

        return ExtractNamed(name, "http.", "envoy_http_conn_manager_prefix", HttpMetric(), labels);
    }

    private static string ExtractListener(string name, StringBuilder labels)
    {
        var match = Listener().Match(name);
        if (!match.Success)
        {
            return name;
        }

        AddLabel(labels, "envoy_listener_address", match.Groups["address"].ValueSpan);
        if (match.Groups["worker"].Success)
        {
            AddLabel(labels, "envoy_worker_id", match.Groups["worker"].ValueSpan);
        }

        if (match.Groups["prefix"].Success)
        {
            AddLabel(labels, "envoy_http_conn_manager_prefix", match.Groups["prefix"].ValueSpan);
            return "listener.http." + match.Groups["metric"].Value;
        }

        return "listener." + match.Groups["metric"].Value;
    }

    // root NAME '.' metric: the metric is what the pattern finds at the end, else the last word.
    private static string ExtractNamed(string name, string root, string label, Regex metricPattern, StringBuilder labels)
    {
        var rest = name[root.Length..];
        var match = metricPattern.Match(rest);
        var dot = match.Success ? match.Index : rest.LastIndexOf('.');
        if (dot <= 0)
        {
            return name;
        }

        AddLabel(labels, label, rest.AsSpan(0, dot));
        return string.Concat(root, rest.AsSpan(dot + 1));
    }

    private static void AddLabel(StringBuilder labels, string label, ReadOnlySpan<char> value)
    {
        if (labels.Length > 0)
        {
            labels.Append(',');
        }

        labels.Append(label).Append("=\"");
        foreach (var character in value)
        {
            _ = character switch
            {
                '\\' => labels.Append(@"\\"),
                '"' => labels.Append("\\\""),
                '\n' => labels.Append(@"\n"),
                _ => labels.Append(character),
            };
        }

        labels.Append('"');
    }

    // The groups of more than one word below a cluster. internal, external and canary could as well end a name that has dots
    // (api.corp.internal), so there they count as part of the name.
    [GeneratedRegex(
        @"\.(?:circuit_breakers\.[^.]+\.[^.]+|(?:outlier_detection|health_check|grpc|grpc-web|http1|http2|http3|ssl)\.[^.]+"
        + @"|ssl\.(?:versions|ciphers|curves|sigalgs)\..+)$|(?<=^[^.]+)\.(?:internal|external|canary)\.[^.]+$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex ClusterMetric();

    [GeneratedRegex(
        @"^cluster\.(?<cluster>.+?)\.(?<kind>grpc|grpc-web)\.(?<service>.+)\.(?<method>[^.]+)\.(?<metric>\d+|success|failure|total|request_message_count|response_message_count|upstream_rq_time)$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex GrpcMethod();

    [GeneratedRegex(
        @"\.(?:tracing|fault|rbac|ext_authz|local_rate_limit)\.[^.]+$|\.user_agent\.[^.]+\.[^.]+$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex HttpMetric();

    [GeneratedRegex(
        @"^http\.(?<prefix>[^.]+)\.rds\.(?<route>.+)\.(?<metric>\w+)$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex RouteConfiguration();

    [GeneratedRegex(
        @"^listener\.(?<address>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}_\d+|\[[a-fA-F_\d]+\]_\d+|[^.]+)\.(worker_(?<worker>\d+)\.)?"
        + @"(http\.(?<prefix>[^.]+)\.)?(?<metric>.+)$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex Listener();

    [GeneratedRegex(
        @"^vhost\.(?<host>.+?)\.(?<kind>route|vcluster)\.(?<name>.+)\.(?<metric>[^.]+)$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex VirtualHost();

    [GeneratedRegex(@"^(?<root>(server|listener_manager)\.)worker_(?<worker>\d+)\.", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex OtherWorker();
}

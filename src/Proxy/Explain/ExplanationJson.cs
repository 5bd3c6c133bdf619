using System.Text.Json;

namespace KubeProxyNet.Proxy.Explain;

/// <summary>An explanation for programs. Fields that do not apply are left out.</summary>
public static class ExplanationJson
{
    /// <summary>Writes one object.</summary>
    public static void Write(Explanation explanation, Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(explanation);
        ArgumentNullException.ThrowIfNull(json);
        json.WriteStartObject();
        Text(json, "error", explanation.Error);
        Text(json, "listener", explanation.Listener);
        Text(json, "address", explanation.Address);
        Text(json, "filter_chain", explanation.FilterChain);
        Text(json, "route_configuration", explanation.RouteConfiguration);
        Text(json, "as_matched", explanation.AsMatched);
        Text(json, "virtual_host", explanation.VirtualHost);
        Text(json, "route", explanation.Route);
        json.WriteStartArray("steps");
        foreach (var step in explanation.Steps)
        {
            json.WriteStringValue(step);
        }

        json.WriteEndArray();
        if (explanation.Answer is { } answer)
        {
            json.WriteStartObject("answer");
            json.WriteNumber("status", answer.Status);
            Text(json, "details", answer.Details);
            Text(json, "location", answer.Location);
            json.WriteEndObject();
        }

        if (explanation.Forward is { } forward)
        {
            json.WritePropertyName("forward");
            Write(forward, json);
        }

        json.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        if (values.Count > 0)
        {
            json.WriteStartArray(name);
            foreach (var value in values)
            {
                json.WriteStringValue(value);
            }

            json.WriteEndArray();
        }
    }

    private static void Write(ExplainedForward forward, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("host", forward.Host);
        json.WriteString("target", forward.Target);
        if (forward.Headers.Count > 0)
        {
            json.WriteStartArray("headers");
            foreach (var line in forward.Headers)
            {
                json.WriteStringValue(line);
            }

            json.WriteEndArray();
        }

        json.WriteNumber("timeout_ms", forward.TimeoutMs);
        json.WriteNumber("max_duration_ms", forward.MaxDurationMs);
        if (forward.GrpcTimeoutMs is { } call)
        {
            json.WriteNumber("grpc_timeout_ms", call);
        }

        json.WriteString("priority", forward.Priority);
        if (forward.Retry is { } retry)
        {
            json.WriteStartObject("retry");
            json.WriteString("on", retry.On);
            json.WriteNumber("retries", retry.Retries);
            json.WriteNumber("per_try_timeout_ms", retry.PerTryTimeoutMs);
            json.WriteNumber("per_try_idle_timeout_ms", retry.PerTryIdleTimeoutMs);
            Strings(json, "retriable_headers", retry.RetriableHeaders);
            Strings(json, "retriable_request_headers", retry.RetriableRequestHeaders);
            Strings(json, "host_predicates", retry.HostPredicates);
            json.WriteNumber("host_selection_attempts", retry.HostSelectionAttempts);
            json.WriteNumber("priority_update_frequency", retry.PriorityUpdateFrequency);
            json.WriteBoolean("hedges_on_per_try_timeout", retry.HedgesOnPerTryTimeout);
            json.WriteEndObject();
        }

        if (forward.InternalRedirectCodes.Count > 0)
        {
            json.WriteStartObject("internal_redirects");
            json.WriteNumber("max", forward.MaxInternalRedirects);
            json.WriteStartArray("codes");
            foreach (var code in forward.InternalRedirectCodes)
            {
                json.WriteNumberValue(code);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        if (forward.Mirrors.Count > 0)
        {
            json.WriteStartArray("mirrors");
            foreach (var mirror in forward.Mirrors)
            {
                json.WriteStartObject();
                json.WriteString("name", mirror.Name);
                json.WriteNumber("percent", mirror.Percent);
                json.WriteBoolean("exists", mirror.Exists);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteStartArray("clusters");
        foreach (var cluster in forward.Clusters)
        {
            Write(cluster, json);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(ExplainedCluster cluster, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", cluster.Name);
        json.WriteNumber("percent", cluster.Percent);
        json.WriteBoolean("exists", cluster.Exists);
        if (!cluster.Exists)
        {
            json.WriteNumber("not_found_status", cluster.NotFoundStatus);
            json.WriteEndObject();
            return;
        }

        json.WriteString("policy", cluster.Policy);
        if (cluster.MaintenancePercent > 0)
        {
            json.WriteNumber("maintenance_percent", Math.Min(cluster.MaintenancePercent, 100));
        }

        json.WriteNumber("active_requests", cluster.ActiveRequests);
        json.WriteNumber("max_requests", cluster.MaxRequests);
        if (cluster.Connections is { } connections)
        {
            Write(connections, json);
        }

        json.WriteStartArray("endpoints");
        foreach (var endpoint in cluster.Endpoints)
        {
            json.WriteStartObject();
            json.WriteString("address", endpoint.Address);
            json.WriteBoolean("candidate", endpoint.IsCandidate);
            json.WriteString("health", endpoint.Health);
            json.WriteNumber("weight", endpoint.Weight);
            json.WriteNumber("priority", endpoint.Priority);
            Text(json, "locality", endpoint.Locality);
            json.WriteNumber("active_requests", endpoint.ActiveRequests);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(ExplainedConnections connections, Utf8JsonWriter json)
    {
        json.WriteStartObject("connections");
        json.WriteString("protocol", connections.Protocol);
        json.WriteNumber("connect_timeout_ms", connections.ConnectTimeoutMs);
        json.WriteNumber("idle_timeout_ms", connections.IdleTimeoutMs);
        json.WriteNumber("max_duration_ms", connections.MaxDurationMs);
        json.WriteNumber("max_stream_duration_ms", connections.MaxStreamDurationMs);
        json.WriteNumber("max_requests", connections.MaxRequests);
        if (connections.Http2 is { } http2)
        {
            json.WriteStartObject("http2");
            json.WriteNumber("max_concurrent_streams", http2.MaxConcurrentStreams);
            json.WriteNumber("initial_stream_window_size", http2.InitialStreamWindow);
            json.WriteNumber("max_stream_window_size", http2.MaxStreamWindow);
            json.WriteNumber("initial_connection_window_size", http2.InitialConnectionWindow);
            json.WriteNumber("hpack_table_size", http2.HpackTableSize);
            json.WriteNumber("keepalive_interval_ms", http2.KeepaliveIntervalMs);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void Text(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, value);
        }
    }
}

using System.Globalization;
using System.Text.Json;

namespace KubeProxyNet.Proxy.Admin;

/// <summary><c>/clusters?format=json</c>: Envoy's <c>admin.v3.Clusters</c>.</summary>
internal static class ClusterJson
{
    internal static void Write(IEnumerable<ClusterView> clusters, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartArray("cluster_statuses");
        foreach (var cluster in clusters)
        {
            json.WriteStartObject();
            json.WriteString("name", cluster.Name);
            json.WriteBoolean("added_via_api", cluster.AddedViaApi);
            if (cluster.Outlier is { Threshold: > 0 } outlier)
            {
                WritePercent(json, "success_rate_ejection_threshold", outlier.Threshold);
            }

            json.WriteStartArray("host_statuses");
            foreach (var endpoint in cluster.Endpoints)
            {
                WriteHost(json, endpoint);
            }

            json.WriteEndArray();
            if (cluster.Outlier is { LocalOriginThreshold: > 0 } local)
            {
                WritePercent(json, "local_origin_success_rate_ejection_threshold", local.LocalOriginThreshold);
            }

            json.WriteStartObject("circuit_breakers");
            json.WriteStartArray("thresholds");
            WriteThresholds(json, cluster.DefaultPriority, isHigh: false);
            WriteThresholds(json, cluster.HighPriority, isHigh: true);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteString("observability_name", cluster.Name);
            if (cluster.EdsServiceName is not null)
            {
                json.WriteString("eds_service_name", cluster.EdsServiceName);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Writes <c>type.v3.Percent</c>.</summary>
    private static void WritePercent(Utf8JsonWriter json, string name, double value)
    {
        json.WriteStartObject(name);
        json.WriteNumber("value", value);
        json.WriteEndObject();
    }

    private static void WriteThresholds(Utf8JsonWriter json, CircuitBreakerView limits, bool isHigh)
    {
        json.WriteStartObject();
        if (isHigh)
        {
            json.WriteString("priority", "HIGH");
        }

        json.WriteNumber("max_connections", limits.MaxConnections);
        json.WriteNumber("max_pending_requests", limits.MaxPendingRequests);
        json.WriteNumber("max_requests", limits.MaxRequests);
        json.WriteNumber("max_retries", limits.MaxRetries);
        json.WriteEndObject();
    }

    private static void WriteHost(Utf8JsonWriter json, EndpointView endpoint)
    {
        json.WriteStartObject();
        EndpointFacts.WriteAddress(json, "address", endpoint.Address);
        if (endpoint.AdditionalAddresses.Count > 0)
        {
            // Envoy's message has no field for them.
            json.WriteStartArray("additional_addresses");
            foreach (var address in endpoint.AdditionalAddresses)
            {
                EndpointFacts.WriteAddress(json, address);
            }

            json.WriteEndArray();
        }

        json.WriteStartArray("stats");
        foreach (var (name, value, isGauge) in EndpointFacts.Stats(endpoint))
        {
            json.WriteStartObject();
            if (isGauge)
            {
                json.WriteString("type", "GAUGE");
            }

            // A 64-bit number is a string in protobuf's JSON.
            json.WriteString("value", value.ToString(CultureInfo.InvariantCulture));
            json.WriteString("name", name);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteHealth(json, endpoint.Health);
        if (endpoint.SuccessRate >= 0)
        {
            WritePercent(json, "success_rate", endpoint.SuccessRate);
        }

        if (endpoint.LocalOriginSuccessRate >= 0)
        {
            WritePercent(json, "local_origin_success_rate", endpoint.LocalOriginSuccessRate);
        }

        if (endpoint.Hostname.Length > 0)
        {
            json.WriteString("hostname", endpoint.Hostname);
        }

        json.WriteNumber("weight", endpoint.Weight);
        json.WriteNumber("priority", endpoint.Priority);
        json.WriteStartObject("locality");
        json.WriteString("region", endpoint.Region);
        json.WriteString("zone", endpoint.Zone);
        json.WriteString("sub_zone", endpoint.SubZone);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteHealth(Utf8JsonWriter json, EndpointHealthFlags health)
    {
        json.WriteStartObject("health_status");
        var eds = EndpointHealthFlags.FailedEdsHealth | EndpointHealthFlags.DegradedEdsHealth | EndpointHealthFlags.EdsStatusDraining;
        foreach (var (flag, name) in EndpointFacts.HealthNames)
        {
            if (health.HasFlag(flag) && (flag & eds) == EndpointHealthFlags.None)
            {
                json.WriteBoolean(flag switch
                {
                    EndpointHealthFlags.FailedActiveHealthCheck => "failed_active_health_check",
                    EndpointHealthFlags.DegradedActiveHealthCheck => "failed_active_degraded_check",
                    _ => name,
                }, true);
            }
        }

        json.WriteString("eds_health_status", (health & eds) switch
        {
            EndpointHealthFlags.None => "HEALTHY",
            var flags when flags.HasFlag(EndpointHealthFlags.EdsStatusDraining) => "DRAINING",
            var flags when flags.HasFlag(EndpointHealthFlags.FailedEdsHealth) => "UNHEALTHY",
            _ => "DEGRADED",
        });
        json.WriteEndObject();
    }
}

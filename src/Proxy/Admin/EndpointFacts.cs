using System.Net;
using System.Text.Json;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>Envoy's names for what is known of an endpoint.</summary>
internal static class EndpointFacts
{
    internal static readonly (EndpointHealthFlags Flag, string Name)[] HealthNames =
    [
        (EndpointHealthFlags.FailedActiveHealthCheck, "failed_active_hc"),
        (EndpointHealthFlags.FailedOutlierCheck, "failed_outlier_check"),
        (EndpointHealthFlags.FailedEdsHealth, "failed_eds_health"),
        (EndpointHealthFlags.DegradedActiveHealthCheck, "degraded_active_hc"),
        (EndpointHealthFlags.DegradedEdsHealth, "degraded_eds_health"),
        (EndpointHealthFlags.PendingDynamicRemoval, "pending_dynamic_removal"),
        (EndpointHealthFlags.PendingActiveHealthCheck, "pending_active_hc"),
        (EndpointHealthFlags.ExcludedViaImmediateHealthCheckFail, "excluded_via_immediate_hc_fail"),
        (EndpointHealthFlags.ActiveHealthCheckTimeout, "active_hc_timeout"),
        (EndpointHealthFlags.EdsStatusDraining, "eds_status_draining"),
    ];

    internal static IEnumerable<(string Name, long Value, bool IsGauge)> Stats(EndpointView endpoint) =>
    [
        ("cx_active", endpoint.CxActive, true),
        ("cx_connect_fail", endpoint.CxConnectFail, false),
        ("cx_total", endpoint.CxTotal, false),
        ("rq_active", endpoint.RqActive, true),
        ("rq_error", endpoint.RqError, false),
        ("rq_success", endpoint.RqSuccess, false),
        ("rq_timeout", endpoint.RqTimeout, false),
        ("rq_total", endpoint.RqTotal, false),
    ];

    /// <summary><c>healthy</c>, or the flags with a slash before each.</summary>
    internal static string HealthText(EndpointHealthFlags health) => health == EndpointHealthFlags.None
        ? "healthy"
        : string.Concat(HealthNames.Where(entry => health.HasFlag(entry.Flag)).Select(static entry => "/" + entry.Name));

    /// <summary>Writes <c>config.core.v3.Address</c>.</summary>
    internal static void WriteAddress(Utf8JsonWriter json, string name, EndPoint address)
    {
        json.WritePropertyName(name);
        WriteAddress(json, address);
    }

    /// <inheritdoc cref="WriteAddress(Utf8JsonWriter, string, EndPoint)"/>
    internal static void WriteAddress(Utf8JsonWriter json, EndPoint address)
    {
        json.WriteStartObject();
        if (address is IPEndPoint socket)
        {
            json.WriteStartObject("socket_address");
            json.WriteString("address", socket.Address.ToString());
            json.WriteNumber("port_value", socket.Port);
        }
        else
        {
            json.WriteStartObject("pipe");
            json.WriteString("path", address.ToString());
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}

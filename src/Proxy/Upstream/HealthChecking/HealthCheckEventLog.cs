using System.Text.Json;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>
/// What happens to the health of a cluster's endpoints: a line of JSON each, Envoy's <c>data.core.v3.HealthCheckEvent</c> with fields that have their default
/// (Envoy documentation, "Health check event logging"). Written by the thread of the access logs; what a file does not keep up with is dropped and counted
/// (<c>access_log.dropped</c>). Belongs to the worker of the cluster's checks.
/// </summary>
internal sealed class HealthCheckEventLog(IEnumerable<AccessLogFile> files, Worker worker, ClusterConfig cluster)
{
    private readonly AccessLogChannel[] _channels = [.. files.Select(file => file.CreateChannel(worker.Stats))];
    private readonly EventLine _line = new();
    private readonly bool _logsFailures = cluster.HealthCheck!.AlwaysLogFailures;
    private readonly bool _logsSuccesses = cluster.HealthCheck.AlwaysLogSuccesses;
    private readonly string _type = cluster.HealthCheck.Probe is TcpHealthCheck ? "TCP" : "HTTP";

    /// <summary>Logs what a result was and did.</summary>
    /// <param name="endpoint">Of whom.</param>
    /// <param name="result">The result.</param>
    /// <param name="isFirst">True for the first one.</param>
    /// <param name="before">The flags before it.</param>
    /// <param name="after">The flags after it.</param>
    public void Log(EndpointState endpoint, ProbeResult result, bool isFirst, HostHealthFlags before, HostHealthFlags after)
    {
        var hadFailed = before.HasFlag(HostHealthFlags.FailedActiveHealthCheck);
        var hasFailed = after.HasFlag(HostHealthFlags.FailedActiveHealthCheck);
        if (!result.IsSuccess)
        {
            if (hasFailed && !hadFailed)
            {
                Write(endpoint, "eject_unhealthy_event", result.Failure, isFirst: null);
            }

            if (isFirst || _logsFailures)
            {
                Write(endpoint, "health_check_failure_event", result.Failure, isFirst);
            }

            return;
        }

        if (hadFailed && !hasFailed)
        {
            Write(endpoint, "add_healthy_event", failure: null, isFirst);
        }
        else if (_logsSuccesses)
        {
            Write(endpoint, "successful_health_check_event", failure: null, isFirst: null);
        }

        if (((before ^ after) & HostHealthFlags.DegradedActiveHealthCheck) != HostHealthFlags.None)
        {
            Write(endpoint, result.IsDegraded ? "degraded_healthy_host" : "no_longer_degraded_host", failure: null, isFirst: null);
        }
    }

    private void Write(EndpointState endpoint, string name, HealthCheckFailure? failure, bool? isFirst)
    {
        using var json = _line.Begin();
        json.WriteString("health_checker_type", _type);
        WriteHost(json, endpoint.Address);
        json.WriteString("cluster_name", cluster.Name);
        json.WriteStartObject(name);
        if (failure is { } why)
        {
            json.WriteString("failure_type", NameOf(why));
        }

        if (isFirst is { } first)
        {
            json.WriteBoolean("first_check", first);
        }

        json.WriteEndObject();
        EventLine.WriteTime(json, new DateTime(worker.WallClockTicks, DateTimeKind.Utc));
        var line = _line.End(json);
        foreach (var channel in _channels)
        {
            channel.Write(line);
        }
    }

    private static void WriteHost(Utf8JsonWriter json, SocketEndpoint address)
    {
        json.WriteStartObject("host");
        if (address.Path is { } path)
        {
            json.WriteStartObject("pipe");
            json.WriteString("path", path);
            json.WriteNumber("mode", 0);
            json.WriteEndObject();
            json.WriteEndObject();
            return;
        }

        json.WriteStartObject("socket_address");
        json.WriteString("protocol", "TCP");
        json.WriteString("address", address.AddressText.Span);
        json.WriteString("resolver_name", "");
        json.WriteBoolean("ipv4_compat", value: false);
        json.WriteNumber("port_value", address.Port);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string NameOf(HealthCheckFailure failure) => failure switch
    {
        HealthCheckFailure.Passive => "PASSIVE",
        HealthCheckFailure.Network => "NETWORK",
        HealthCheckFailure.NetworkTimeout => "NETWORK_TIMEOUT",
        _ => "ACTIVE",
    };
}

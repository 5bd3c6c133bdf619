using System.Text.Json;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>What every event tells.</summary>
/// <param name="Cluster">Name of the cluster.</param>
/// <param name="Host">The endpoint.</param>
/// <param name="SecondsSinceLastAction">Whole seconds since the opposite happened to the endpoint; null where it never did.</param>
internal readonly record struct OutlierEvent(string Cluster, HostMonitor Host, long? SecondsSinceLastAction);

/// <summary>
/// The log of ejections: a line of JSON each, Envoy's <c>data.cluster.v3.OutlierDetectionEvent</c> with fields that have their default. Written by the
/// thread of the access logs; where the file does not keep up, lines are dropped and counted (<c>access_log.dropped</c>).
/// </summary>
internal sealed class OutlierEventLog(AccessLogFile file, StatPage page, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly AccessLogChannel _channel = file.CreateChannel(page);
    private readonly EventLine _line = new();

    /// <summary>An outlier was found.</summary>
    /// <param name="what">Where.</param>
    /// <param name="type">How it was found.</param>
    /// <param name="isEnforced">True where it was ejected, false where it only would have been.</param>
    /// <param name="threshold">What it was compared with, where it was compared.</param>
    public void Eject(in OutlierEvent what, EjectionType type, bool isEnforced, SuccessRateThreshold threshold)
    {
        lock (_gate)
        {
            using var json = Begin(what, type, "EJECT", isEnforced);
            var local = type is EjectionType.SuccessRateLocalOrigin or EjectionType.FailurePercentageLocalOrigin;
            var rate = local ? what.Host.LocalOrigin.Shown : what.Host.External.Shown;
            switch (type)
            {
                case EjectionType.SuccessRate or EjectionType.SuccessRateLocalOrigin:
                    json.WriteStartObject("eject_success_rate_event");
                    json.WriteNumber("host_success_rate", Whole(rate));
                    json.WriteNumber("cluster_average_success_rate", Whole(threshold.Average));
                    json.WriteNumber("cluster_success_rate_ejection_threshold", Whole(threshold.EjectionThreshold));
                    break;
                case EjectionType.FailurePercentage or EjectionType.FailurePercentageLocalOrigin:
                    json.WriteStartObject("eject_failure_percentage_event");
                    json.WriteNumber("host_success_rate", Whole(rate));
                    break;
                default:
                    json.WriteStartObject("eject_consecutive_event");
                    break;
            }

            json.WriteEndObject();
            _channel.Write(_line.End(json));
        }
    }

    /// <summary>An endpoint was taken back.</summary>
    public void Uneject(in OutlierEvent what)
    {
        lock (_gate)
        {
            using var json = Begin(what, default, "UNEJECT", isEnforced: false);
            _channel.Write(_line.End(json));
        }
    }

    // The API has whole numbers of no sign here.
    private static uint Whole(double percent) => (uint)Math.Max(0, percent);

    private Utf8JsonWriter Begin(in OutlierEvent what, EjectionType type, string action, bool isEnforced)
    {
        var json = _line.Begin();
        json.WriteString("type", EjectionTypes.NameOf(type));
        EventLine.WriteTime(json, time.GetUtcNow().UtcDateTime);
        if (what.SecondsSinceLastAction is { } seconds)
        {
            // A 64-bit number is a string in protobuf's JSON.
            json.WriteString("secs_since_last_action", seconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        json.WriteString("cluster_name", what.Cluster);
        json.WriteString("upstream_url", what.Host.Endpoint.Address.ToString());
        json.WriteString("action", action);
        json.WriteNumber("num_ejections", what.Host.Ejections.Count);
        json.WriteBoolean("enforced", isEnforced);
        return json;
    }
}

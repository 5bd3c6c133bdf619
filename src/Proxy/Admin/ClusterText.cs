using System.Buffers;
using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>Envoy's text form of <c>/clusters</c>: <c>cluster::fact::value</c> and <c>cluster::address::fact::value</c> a line.</summary>
internal static class ClusterText
{
    internal static void Write(IEnumerable<ClusterView> clusters, IBufferWriter<byte> output)
    {
        foreach (var cluster in clusters)
        {
            Line($"{cluster.Name}::observability_name::{cluster.Name}");
            if (cluster.Outlier is { } outlier)
            {
                Line($"{cluster.Name}::outlier::success_rate_average::{Six(outlier.Average)}");
                Line($"{cluster.Name}::outlier::success_rate_ejection_threshold::{Six(outlier.Threshold)}");
                Line($"{cluster.Name}::outlier::local_origin_success_rate_average::{Six(outlier.LocalOriginAverage)}");
                Line($"{cluster.Name}::outlier::local_origin_success_rate_ejection_threshold::{Six(outlier.LocalOriginThreshold)}");
            }

            Breaker("default_priority", cluster.DefaultPriority);
            Breaker("high_priority", cluster.HighPriority);
            Line($"{cluster.Name}::added_via_api::{(cluster.AddedViaApi ? "true" : "false")}");
            if (cluster.EdsServiceName is not null)
            {
                Line($"{cluster.Name}::eds_service_name::{cluster.EdsServiceName}");
            }

            foreach (var endpoint in cluster.Endpoints)
            {
                var prefix = $"{cluster.Name}::{endpoint.Address}::";
                foreach (var (name, value, _) in EndpointFacts.Stats(endpoint))
                {
                    Line($"{prefix}{name}::{value}");
                }

                foreach (var address in endpoint.AdditionalAddresses)
                {
                    Line($"{prefix}additional_address::{address}");
                }

                Line($"{prefix}hostname::{endpoint.Hostname}");
                Line($"{prefix}health_flags::{EndpointFacts.HealthText(endpoint.Health)}");
                Line($"{prefix}weight::{endpoint.Weight}");
                Line($"{prefix}region::{endpoint.Region}");
                Line($"{prefix}zone::{endpoint.Zone}");
                Line($"{prefix}sub_zone::{endpoint.SubZone}");
                Line($"{prefix}canary::{(endpoint.IsCanary ? "true" : "false")}");
                Line($"{prefix}priority::{endpoint.Priority}");
                Line($"{prefix}success_rate::{endpoint.SuccessRate.ToString(CultureInfo.InvariantCulture)}");
                Line($"{prefix}local_origin_success_rate::{endpoint.LocalOriginSuccessRate.ToString(CultureInfo.InvariantCulture)}");
            }

            void Breaker(string priority, CircuitBreakerView limits)
            {
                Line($"{cluster.Name}::{priority}::max_connections::{limits.MaxConnections}");
                Line($"{cluster.Name}::{priority}::max_pending_requests::{limits.MaxPendingRequests}");
                Line($"{cluster.Name}::{priority}::max_requests::{limits.MaxRequests}");
                Line($"{cluster.Name}::{priority}::max_retries::{limits.MaxRetries}");
            }
        }

        // As C's %g.
        static string Six(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

        void Line(string text) => Encoding.UTF8.GetBytes(text + "\n", output);
    }
}

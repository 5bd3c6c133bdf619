using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using DiscoveryType = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType;
using LbPolicy = Envoy.Config.Cluster.V3.Cluster.Types.LbPolicy;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Rules on clusters and their endpoints. Source: Envoy's cluster.proto and what its cluster factories refuse.</summary>
internal static class ClusterRules
{
    public static void Check(Cluster cluster, ConfigPath path, ConfigProblems problems)
    {
        if (cluster.ConnectTimeout is { Seconds: 0, Nanos: 0 })
        {
            problems.Invalid(path.Field("connect_timeout"), "no connection can be made in 0s", "write a longer duration, or leave it out for 5s");
        }

        CheckEndpointSource(cluster, path, problems);
        CheckPolicy(cluster, path, problems);
        if (cluster.LoadAssignment is { } assignment)
        {
            CheckAddresses(cluster, assignment, path.Field("load_assignment"), problems);
        }
    }

    public static void Check(ClusterLoadAssignment assignment, ConfigPath path, ConfigProblems problems)
    {
        var sums = new Dictionary<uint, ulong>();
        for (var i = 0; i < assignment.Endpoints.Count; i++)
        {
            var locality = assignment.Endpoints[i];
            sums[locality.Priority] = sums.GetValueOrDefault(locality.Priority) + (locality.LoadBalancingWeight ?? 0);
            var sum = locality.LbEndpoints.Aggregate(0UL, (total, endpoint) => total + (endpoint.LoadBalancingWeight ?? 1));
            if (sum > uint.MaxValue)
            {
                problems.Invalid(path.Field("endpoints").Index(i).Field("lb_endpoints"), $"the endpoints' weights add up to {sum}", $"keep the sum below {uint.MaxValue}");
            }
        }

        foreach (var (priority, sum) in sums.Where(entry => entry.Value > uint.MaxValue))
        {
            problems.Invalid(path.Field("endpoints"), $"the localities' weights of priority {priority} add up to {sum}", $"keep the sum below {uint.MaxValue}");
        }
    }

    /// <summary>Reports endpoints that are not IP addresses, in an assignment whose names nobody resolves (EDS and STATIC).</summary>
    public static void CheckIsResolved(ClusterLoadAssignment assignment, ConfigPath path, ConfigProblems problems)
    {
        foreach (var (address, at) in Addresses(assignment, path))
        {
            AddressRules.CheckIsIp(address, at, problems);
        }
    }

    private static void CheckEndpointSource(Cluster cluster, ConfigPath path, ConfigProblems problems)
    {
        switch (ClusterTypes.Of(cluster))
        {
            case null:
                problems.Invalid(
                    path.Field("cluster_type").Field("name"), $"\"{cluster.ClusterType.Name}\" is no kind of cluster that is known here",
                    "use envoy.cluster.dns, envoy.cluster.strict_dns, envoy.cluster.logical_dns, envoy.cluster.static or envoy.cluster.eds");
                break;
            case DiscoveryType.Eds:
                if (cluster.EdsClusterConfig is null)
                {
                    problems.Invalid(path.Field("eds_cluster_config"), "a cluster of type EDS needs eds_cluster_config", "add eds_cluster_config with an eds_config");
                }

                if (cluster.LoadAssignment is not null)
                {
                    problems.Invalid(path.Field("load_assignment"), "a cluster of type EDS gets its endpoints from elsewhere", "remove it, or choose the type STATIC");
                }

                break;
            case DiscoveryType.OriginalDst:
                problems.Invalid(path.Field("type"), "ORIGINAL_DST is not supported here", "use STATIC, STRICT_DNS, LOGICAL_DNS or EDS");
                break;
            default:
                if (cluster.LoadAssignment is null)
                {
                    problems.Invalid(path.Field("load_assignment"), $"a cluster of type {ClusterTypes.Of(cluster) switch { DiscoveryType.Static => "STATIC", DiscoveryType.StrictDns => "STRICT_DNS", _ => "LOGICAL_DNS" }} needs load_assignment", "add load_assignment with the endpoints");
                }

                if (cluster.EdsClusterConfig is not null)
                {
                    problems.Invalid(path.Field("eds_cluster_config"), "is for clusters of type EDS only", "remove it, or choose the type EDS");
                }

                break;
        }
    }

    private static void CheckPolicy(Cluster cluster, ConfigPath path, ConfigProblems problems)
    {
        switch (cluster.LbPolicy)
        {
            case LbPolicy.ClusterProvided:
                problems.Invalid(path.Field("lb_policy"), "CLUSTER_PROVIDED is for clusters of type ORIGINAL_DST only", "choose another policy");
                break;
            case LbPolicy.LoadBalancingPolicyConfig when cluster.LoadBalancingPolicy is null:
                problems.Invalid(path.Field("lb_policy"), "LOAD_BALANCING_POLICY_CONFIG needs load_balancing_policy", "add load_balancing_policy, or name the policy in lb_policy");
                break;
        }

        if (cluster.RingHashLbConfig is { MinimumRingSize: { } min, MaximumRingSize: { } max } && min > max)
        {
            problems.Invalid(path.Field("ring_hash_lb_config").Field("minimum_ring_size"), "is greater than maximum_ring_size", "make it smaller");
        }
    }

    private static void CheckAddresses(Cluster cluster, ClusterLoadAssignment assignment, ConfigPath path, ConfigProblems problems)
    {
        var type = ClusterTypes.Of(cluster);
        if (type == DiscoveryType.Static)
        {
            CheckIsResolved(assignment, path, problems);
        }

        var count = 0;
        foreach (var (address, at) in Addresses(assignment, path))
        {
            AddressRules.CheckIsTcp(address, at, problems);
            if (type == DiscoveryType.LogicalDns && ++count == 2)
            {
                problems.Invalid(path.Field("endpoints"), "a cluster of type LOGICAL_DNS has exactly one endpoint", "keep one, or use STRICT_DNS");
            }
        }

        if (type == DiscoveryType.LogicalDns && count == 0)
        {
            problems.Invalid(path.Field("endpoints"), "a cluster of type LOGICAL_DNS has exactly one endpoint", "add one");
        }
    }

    private static IEnumerable<(Address? Address, ConfigPath Path)> Addresses(ClusterLoadAssignment assignment, ConfigPath path)
    {
        for (var i = 0; i < assignment.Endpoints.Count; i++)
        {
            var locality = path.Field("endpoints").Index(i).Field("lb_endpoints");
            for (var j = 0; j < assignment.Endpoints[i].LbEndpoints.Count; j++)
            {
                yield return (assignment.Endpoints[i].LbEndpoints[j].Endpoint?.Address, locality.Index(j).Field("endpoint").Field("address"));
            }
        }
    }
}

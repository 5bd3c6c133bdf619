using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Type.Matcher.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using RetryPolicyOfRoute = Envoy.Config.Route.V3.RetryPolicy;

namespace KubeProxyNet.Xds.Validation;

/// <summary>The rules that go beyond single fields, by message.</summary>
internal static class ResourceRules
{
    public static void Check(IMessage message, ConfigPath path, ConfigProblems problems)
    {
        switch (message)
        {
            case Bootstrap bootstrap:
                BootstrapRules.Check(bootstrap, path, problems);
                break;
            case Listener listener:
                ListenerRules.Check(listener, path, problems);
                break;
            case FilterChain chain:
                ListenerRules.Check(chain, path, problems);
                break;
            case HttpConnectionManager manager:
                ListenerRules.Check(manager, path, problems);
                break;
            case Cluster cluster:
                ClusterRules.Check(cluster, path, problems);
                break;
            case ClusterLoadAssignment assignment:
                ClusterRules.Check(assignment, path, problems);
                break;
            case KeepaliveSettings keepalive:
                KeepaliveRules.Check(keepalive, path, problems);
                break;
            case RouteConfiguration routes:
                RouteRules.Check(routes, path, problems);
                break;
            case WeightedCluster weighted:
                RouteRules.Check(weighted, path, problems);
                break;
            case RouteMatch match:
                RouteRules.Check(match, path, problems);
                break;
            case RouteAction action:
                RouteRules.Check(action, path, problems);
                break;
            case RetryPolicyOfRoute { RetryBackOff: { } backOff }:
                RouteRules.Check(backOff, path.Field("retry_back_off"), problems);
                break;
            case RegexMatcher regex:
                MatcherRules.Check(regex, path, problems);
                break;
            case RegexMatchAndSubstitute rewrite:
                MatcherRules.Check(rewrite, path, problems);
                break;
            case StringMatcher matcher:
                MatcherRules.Check(matcher, path, problems);
                break;
            case HeaderMatcher matcher:
                MatcherRules.Check(matcher, path, problems);
                break;
            case FractionalPercent percent:
                MatcherRules.Check(percent, path, problems);
                break;
            case HeaderValue header:
                MatcherRules.Check(header, path, problems);
                break;
            case CidrRange range:
                AddressRules.Check(range.AddressPrefix, range.PrefixLen, path, problems);
                break;
            case global::Xds.Core.V3.CidrRange range:
                AddressRules.Check(range.AddressPrefix, range.PrefixLen, path, problems);
                break;
        }
    }
}

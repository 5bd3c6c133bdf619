using KubeProxyNet.Proxy.Filters.Mirroring;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Picks the endpoint of an attempt; for a retry, one that its policy does not refuse (Envoy documentation, "Retry plugin configuration").</summary>
internal static class HostSelection
{
    /// <summary>The endpoint, noted with the attempt. Null where there is none, which is then answered unless another attempt may still bring a response.</summary>
    public static Endpoint? Pick(UpstreamAttempt attempt)
    {
        var exchange = attempt.Exchange;
        var cluster = exchange.Cluster!;
        var request = new PickRequest(exchange.Worker, cluster.State, exchange.Hash, exchange.HasHash, Attempt: 0) { Match = exchange.Target!.MetadataMatch };
        var endpoint = exchange.TryCount > 0 ? PickAgain(exchange, request)
            : exchange.HasSessionHost ? StatefulSessionFilter.Pick(exchange, request)
            : cluster.LoadBalancer.Pick(request);
        if (endpoint is null)
        {
            if (exchange.Hedged is not { IsOpen: true })
            {
                LocalReplies.NoHealthyUpstream(exchange);
            }

            return null;
        }

        exchange.NoteEndpoint(attempt, endpoint);
        exchange.NoteSessionEndpoint(endpoint);
        if (exchange.Route!.Forward!.Mirrors is { } mirrors && exchange.TryCount == 1)
        {
            RequestMirrors.Begin(exchange, mirrors);
        }

        return endpoint;
    }

    private static Endpoint? PickAgain(Exchange exchange, PickRequest request)
    {
        var policy = exchange.Route!.Forward!.RetryPolicy ?? RetryPolicy.None;
        var endpoint = PickOne(exchange, request, policy);
        if (policy.ChoosesHosts)
        {
            // As in Envoy: after so many looks the last one is taken, refused or not.
            for (var attempt = 1; attempt <= policy.HostSelectionAttempts && endpoint is not null && IsRefused(exchange, endpoint, policy); attempt++)
            {
                endpoint = PickOne(exchange, request with { Attempt = attempt }, policy);
            }
        }

        return endpoint;
    }

    private static Endpoint? PickOne(Exchange exchange, in PickRequest request, RetryPolicy policy) => exchange.Retry?.Priorities is { } priorities
        ? priorities.Pick(exchange, request, policy.PriorityUpdateFrequency)
        : exchange.Cluster!.LoadBalancer.Pick(request);

    private static bool IsRefused(Exchange exchange, Endpoint endpoint, RetryPolicy policy)
    {
        if (policy.AvoidsPreviousHosts && exchange.HasTried(endpoint))
        {
            return true;
        }

        if (endpoint.Config.Metadata is not { } metadata)
        {
            return false;
        }

        if (policy.OmitsCanaries && metadata.IsCanary)
        {
            return true;
        }

        foreach (var labels in policy.OmittedHosts)
        {
            var hasAll = true;
            foreach (var label in labels)
            {
                hasAll &= metadata.Has(label.Key, label.Value);
            }

            if (hasAll)
            {
                return true;
            }
        }

        return false;
    }
}

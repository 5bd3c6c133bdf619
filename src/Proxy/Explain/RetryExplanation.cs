using System.Collections.Immutable;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Explain;

/// <summary>Says what a retry policy does.</summary>
internal static class RetryExplanation
{
    public static ExplainedRetry Of(RetryPolicy policy, bool hedges) => new()
    {
        On = RetryOnNames.Of(policy.RetryOn),
        Retries = policy.NumRetries,
        PerTryTimeoutMs = Milliseconds(policy.PerTryTimeout),
        PerTryIdleTimeoutMs = Milliseconds(policy.PerTryIdleTimeout),
        RetriableHeaders = NamesOf(policy.RetriableHeaders),
        RetriableRequestHeaders = NamesOf(policy.RetriableRequestHeaders),
        HostPredicates = [.. PredicatesOf(policy)],
        HostSelectionAttempts = policy.HostSelectionAttempts,
        PriorityUpdateFrequency = policy.PriorityUpdateFrequency,
        HedgesOnPerTryTimeout = hedges,
    };

    private static string[] NamesOf(ImmutableArray<HeaderMatcher> matchers) => [.. matchers.Select(static matcher => matcher.Name)];

    private static IEnumerable<string> PredicatesOf(RetryPolicy policy)
    {
        if (policy.AvoidsPreviousHosts)
        {
            yield return "previous_hosts";
        }

        if (policy.OmitsCanaries)
        {
            yield return "omit_canary_hosts";
        }

        foreach (var labels in policy.OmittedHosts)
        {
            yield return $"omit_host_metadata({string.Join(", ", labels.Select(static label => $"{label.Key}={label.Value}"))})";
        }
    }

    private static long Milliseconds(TimeSpan? time) => (long)(time?.TotalMilliseconds ?? 0);
}

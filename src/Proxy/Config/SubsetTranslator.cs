using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;
using KubeProxyNet.Xds.Validation;
using LegacySubsets = Envoy.Config.Cluster.V3.Cluster.Types.LbSubsetConfig;
using TypedSubsets = Envoy.Extensions.LoadBalancingPolicies.Subset.V3.Subset;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns <c>lb_subset_config</c> and the subset policy, which is the same by another name, into what the engine runs.</summary>
internal static class SubsetTranslator
{
    /// <summary>The subsets of the older field; null where there are no selectors, which means none.</summary>
    public static SubsetOptions? Translate(LegacySubsets message, TranslationProblems problems, ConfigPath path)
    {
        var selectors = message.SubsetSelectors.Select(selector => new Selector([.. selector.Keys], selector.SingleHostPerSubset, (int)selector.FallbackPolicy, [.. selector.FallbackKeysSubset]));
        return Selectors(selectors, problems, path) is not { Count: > 0 } translated ? null : new SubsetOptions(translated)
        {
            Fallback = (SubsetFallback)message.FallbackPolicy,
            DefaultSubset = MetadataTranslator.Match(message.DefaultSubset?.Fields ?? []),
            IsLocalityWeightAware = message.LocalityWeightAware,
            ScalesLocalityWeight = message.ScaleLocalityWeight,
            PanicModeAny = message.PanicModeAny,
            ListAsAny = message.ListAsAny,
            UsesFallbackList = message.MetadataFallbackPolicy == LegacySubsets.Types.LbSubsetMetadataFallbackPolicy.FallbackList,
        };
    }

    /// <summary>The subsets of the policy; null where there are no selectors, which means none.</summary>
    public static SubsetOptions? Translate(TypedSubsets message, TranslationProblems problems, ConfigPath path)
    {
        var selectors = message.SubsetSelectors.Select(selector => new Selector([.. selector.Keys], selector.SingleHostPerSubset, (int)selector.FallbackPolicy, [.. selector.FallbackKeysSubset]));
        return Selectors(selectors, problems, path) is not { Count: > 0 } translated ? null : new SubsetOptions(translated)
        {
            Fallback = (SubsetFallback)message.FallbackPolicy,
            DefaultSubset = MetadataTranslator.Match(message.DefaultSubset?.Fields ?? []),
            IsLocalityWeightAware = message.LocalityWeightAware,
            ScalesLocalityWeight = message.ScaleLocalityWeight,
            PanicModeAny = message.PanicModeAny,
            ListAsAny = message.ListAsAny,
            UsesFallbackList = message.MetadataFallbackPolicy == TypedSubsets.Types.LbSubsetMetadataFallbackPolicy.FallbackList,
            AllowsRedundantKeys = message.AllowRedundantKeys,
        };
    }

    private static ValueList<SubsetSelector> Selectors(IEnumerable<Selector> messages, TranslationProblems problems, ConfigPath path)
    {
        var selectors = new List<SubsetSelector>();
        foreach (var (i, message) in messages.Index())
        {
            var at = path.Field("subset_selectors").Index(i);
            var selector = new SubsetSelector(Sorted(message.Keys))
            {
                SingleHostPerSubset = message.IsSingle,
                Fallback = (SubsetSelectorFallback)message.Fallback,
                FallbackKeys = Sorted(message.FallbackKeys),
            };
            Check(selector, problems, at);
            selectors.Add(selector);
        }

        return new ValueList<SubsetSelector>(selectors);
    }

    /// <summary>What Envoy refuses too; a selector that falls back to all its keys would never come to an end.</summary>
    private static void Check(SubsetSelector selector, TranslationProblems problems, ConfigPath path)
    {
        if (selector.Keys.Count == 0 || selector.Keys.Contains("", StringComparer.Ordinal))
        {
            problems.Add(path.Field("keys"), "a selector needs keys, none of them empty", "name the metadata under envoy.lb that makes subsets");
        }

        if (selector.SingleHostPerSubset && selector.Keys.Count != 1)
        {
            problems.Add(path.Field("single_host_per_subset"), $"goes with one key, and there are {selector.Keys.Count}", "leave one key, or leave it out");
        }

        var keys = path.Field("fallback_keys_subset");
        if (selector.Fallback != SubsetSelectorFallback.KeysSubset)
        {
            if (selector.FallbackKeys.Count > 0)
            {
                problems.Add(keys, "has no effect without fallback_policy KEYS_SUBSET", "set that policy, or remove it");
            }
        }
        else if (selector.FallbackKeys.Count == 0)
        {
            problems.Add(keys, "is empty, which KEYS_SUBSET does not go with", "name some of the selector's keys");
        }
        else if (selector.FallbackKeys.Except(selector.Keys, StringComparer.Ordinal).Any() || selector.FallbackKeys.Count == selector.Keys.Count)
        {
            problems.Add(keys, "must be some of the selector's keys, and not all of them", "name fewer");
        }
    }

    private static ValueList<string> Sorted(IEnumerable<string> keys) => new(keys.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

    /// <summary>A selector of either message.</summary>
    private sealed record Selector(string[] Keys, bool IsSingle, int Fallback, string[] FallbackKeys);
}

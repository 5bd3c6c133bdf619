using Envoy.Extensions.Retry.Host.OmitCanaryHosts.V3;
using Envoy.Extensions.Retry.Host.OmitHostMetadata.V3;
using Envoy.Extensions.Retry.Host.PreviousHosts.V3;
using Envoy.Extensions.Retry.Priority.PreviousPriorities.V3;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3.RetryPolicy.Types;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the extensions of a retry policy, which say where a retry goes, into what the policy says of it.</summary>
internal static class RetryPluginTranslator
{
    /// <summary>The policy with its host predicates.</summary>
    public static RetryPolicy HostPredicates(RetryPolicy policy, IReadOnlyList<Proto.RetryHostPredicate> predicates, TranslationProblems problems, ConfigPath path)
    {
        for (var i = 0; i < predicates.Count; i++)
        {
            var config = predicates[i].TypedConfig;
            if (config?.Is(PreviousHostsPredicate.Descriptor) == true)
            {
                policy = policy with { AvoidsPreviousHosts = true };
            }
            else if (config?.Is(OmitCanaryHostsPredicate.Descriptor) == true)
            {
                policy = policy with { OmitsCanaries = true };
            }
            else if (config?.TryUnpack(out OmitHostMetadataConfig omitted) == true)
            {
                // Nothing to match refuses nobody.
                var labels = MetadataTranslator.Labels(omitted.MetadataMatch);
                policy = labels.IsEmpty ? policy : policy with { OmittedHosts = policy.OmittedHosts.Add(labels) };
            }
            else
            {
                problems.Add(
                    path.Index(i), $"\"{predicates[i].Name}\" is not supported",
                    "use a typed_config of PreviousHostsPredicate, OmitCanaryHostsPredicate or OmitHostMetadataConfig (envoy.extensions.retry.host)");
            }
        }

        return policy;
    }

    /// <summary>After how many attempts priorities are left out; 0 for never.</summary>
    public static int PriorityUpdateFrequency(Proto.RetryPriority? priority, TranslationProblems problems, ConfigPath path)
    {
        if (priority is null)
        {
            return 0;
        }

        if (priority.TypedConfig?.TryUnpack(out PreviousPrioritiesConfig config) != true)
        {
            problems.Add(path, $"\"{priority.Name}\" is not supported", "use a typed_config of envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig");
            return 0;
        }

        if (config.UpdateFrequency < 1)
        {
            problems.Add(path.Field("typed_config").Field("update_frequency"), $"{config.UpdateFrequency} is less than 1", "write the number of attempts after which priorities change");
        }

        return Math.Max(0, config.UpdateFrequency);
    }
}

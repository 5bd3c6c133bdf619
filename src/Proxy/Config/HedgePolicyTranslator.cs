using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns hedge policies into the one thing that they can ask for. Of the rest, which Envoy does not do either, only the defaults are accepted.</summary>
internal static class HedgePolicyTranslator
{
    /// <summary>Whether another attempt is made beside one that takes too long; null where there is no policy.</summary>
    public static bool? Translate(Proto.HedgePolicy? message, TranslationProblems problems, ConfigPath path)
    {
        if (message is null)
        {
            return null;
        }

        if (message.InitialRequests is > 1 and var initial)
        {
            problems.Add(path.Field("initial_requests"), $"{initial} is not supported: a request is sent once at first", "write 1 or leave it out");
        }

        if (message.AdditionalRequestChance is { Numerator: > 0 })
        {
            problems.Add(path.Field("additional_request_chance"), "more than 0 is not supported", "leave it out and use hedge_on_per_try_timeout");
        }

        return message.HedgeOnPerTryTimeout;
    }
}

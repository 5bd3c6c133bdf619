using Envoy.Extensions.InternalRedirect.AllowListedRoutes.V3;
using Envoy.Extensions.InternalRedirect.PreviousRoutes.V3;
using Envoy.Extensions.InternalRedirect.SafeCrossScheme.V3;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Xds.Validation;
using CoreProto = Envoy.Config.Core.V3;
using Proto = Envoy.Config.Route.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns what a route says of its upstreams' redirects into a record, in the form of today and in the one before it.</summary>
internal static class InternalRedirectTranslator
{
    private const int MaxCodes = 5;

    /// <summary>The policy; null to pass redirects on.</summary>
    public static InternalRedirectPolicy? Translate(Proto.RouteAction message, TranslationProblems problems, ConfigPath path)
    {
        if (message.InternalRedirectPolicy is { } policy)
        {
            return Policy(policy, problems, path.Field("internal_redirect_policy"));
        }

        return message.InternalRedirectAction == Proto.RouteAction.Types.InternalRedirectAction.HandleInternalRedirect
            ? new InternalRedirectPolicy { MaxInternalRedirects = Count(message.MaxInternalRedirects) }
            : null;
    }

    private static InternalRedirectPolicy Policy(Proto.InternalRedirectPolicy message, TranslationProblems problems, ConfigPath path)
    {
        var codes = path.Field("redirect_response_codes");
        if (message.RedirectResponseCodes.Count > MaxCodes)
        {
            problems.Add(codes, $"has {message.RedirectResponseCodes.Count} entries", $"list at most {MaxCodes}: 301, 302, 303, 307 and 308");
        }

        for (var i = 0; i < message.RedirectResponseCodes.Count; i++)
        {
            if (!IsRedirect((int)message.RedirectResponseCodes[i]))
            {
                problems.Add(new ConfigProblem(
                    ConfigProblemKind.NotActedOn, codes.Index(i), $"{message.RedirectResponseCodes[i]} is never followed", "use 301, 302, 303, 307 or 308"));
            }
        }

        return new InternalRedirectPolicy
        {
            MaxInternalRedirects = Count(message.MaxInternalRedirects),
            ResponseCodes = message.RedirectResponseCodes.Count == 0 ? [302] : [.. message.RedirectResponseCodes.Select(static code => (int)code).Where(IsRedirect)],
            Predicates = [.. message.Predicates.Select((predicate, i) => Predicate(predicate, problems, path.Field("predicates").Index(i))).OfType<RedirectPredicate>()],
            AllowsCrossSchemeRedirect = message.AllowCrossSchemeRedirect,
            ResponseHeadersToCopy = [.. message.ResponseHeadersToCopy],
        };
    }

    private static RedirectPredicate? Predicate(CoreProto.TypedExtensionConfig message, TranslationProblems problems, ConfigPath path)
    {
        if (message.TypedConfig is { } any)
        {
            if (any.TryUnpack<AllowListedRoutesConfig>(out var allowed))
            {
                return new AllowListedRoutesPredicate([.. allowed.AllowedRouteNames]);
            }

            if (any.Is(PreviousRoutesConfig.Descriptor))
            {
                return new PreviousRoutesPredicate();
            }

            if (any.Is(SafeCrossSchemeConfig.Descriptor))
            {
                return new SafeCrossSchemePredicate();
            }
        }

        problems.Add(path, $"\"{message.Name}\" is not a predicate that is supported", "use AllowListedRoutesConfig, PreviousRoutesConfig or SafeCrossSchemeConfig");
        return null;
    }

    private static bool IsRedirect(int status) => status is 301 or 302 or 303 or 307 or 308;

    private static int Count(uint? configured) => (int)Math.Min(configured ?? 1, int.MaxValue);
}

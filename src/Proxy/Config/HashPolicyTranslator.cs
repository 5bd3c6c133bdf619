using System.Collections.Immutable;
using KubeProxyNet.Proxy.Routing.Hashing;
using Proto = Envoy.Config.Route.V3.RouteAction.Types.HashPolicy;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the hash policies of routes into records.</summary>
internal static class HashPolicyTranslator
{
    /// <summary>The policies in their order; one that asks for nothing is left out.</summary>
    public static ImmutableArray<HashPolicy> Translate(IReadOnlyList<Proto> messages) => [.. messages.Select(Translate).OfType<HashPolicy>()];

    private static HashPolicy? Translate(Proto message) => message.PolicySpecifierCase switch
    {
        Proto.PolicySpecifierOneofCase.Header =>
            new HeaderHashPolicy(message.Header.HeaderName, MatcherTranslator.Substitution(message.Header.RegexRewrite)) { IsTerminal = message.Terminal },
        Proto.PolicySpecifierOneofCase.Cookie => new CookieHashPolicy(message.Cookie.Name)
        {
            Ttl = message.Cookie.Ttl?.ToTimeSpan(),
            Path = message.Cookie.Path,
            Attributes = [.. message.Cookie.Attributes.Select(static attribute => new CookieAttribute(attribute.Name, attribute.Value))],
            IsTerminal = message.Terminal,
        },
        Proto.PolicySpecifierOneofCase.ConnectionProperties when message.ConnectionProperties.SourceIp => new SourceIpHashPolicy { IsTerminal = message.Terminal },
        Proto.PolicySpecifierOneofCase.QueryParameter => new QueryParameterHashPolicy(message.QueryParameter.Name) { IsTerminal = message.Terminal },
        _ => null,
    };
}

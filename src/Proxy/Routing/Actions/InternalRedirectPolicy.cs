using System.Collections.Immutable;
using System.Text;
using KubeProxyNet.Proxy.Routing.Headers;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>Which redirects of upstreams are followed here instead of being passed on: Envoy's <c>InternalRedirectPolicy</c>.</summary>
public sealed record InternalRedirectPolicy
{
    /// <summary>Most redirects of one request; 1 by default, 0 for none.</summary>
    public int MaxInternalRedirects { get; init; } = 1;

    /// <summary>Statuses that are followed, of 301, 302, 303, 307 and 308; 302 alone by default.</summary>
    public ImmutableArray<int> ResponseCodes { get; init; } = [302];

    /// <summary>What a target must meet, all of them; empty for any target.</summary>
    public ImmutableArray<RedirectPredicate> Predicates { get; init; } = [];

    /// <summary>True to follow from http to https and back.</summary>
    public bool AllowsCrossSchemeRedirect { get; init; }

    /// <summary>Headers of the redirect that replace those of the request, in any letter case; one that the redirect lacks is removed.</summary>
    public ImmutableArray<string> ResponseHeadersToCopy { get; init; } = [];
}

/// <summary>
/// What the target of a redirect must meet: <see cref="AllowListedRoutesPredicate"/>, <see cref="PreviousRoutesPredicate"/> or <see cref="SafeCrossSchemePredicate"/>.
/// </summary>
public abstract record RedirectPredicate;

/// <summary>The route of the target has one of these names (<c>envoy.internal_redirect_predicates.allow_listed_routes</c>).</summary>
public sealed record AllowListedRoutesPredicate(ImmutableArray<string> RouteNames) : RedirectPredicate;

/// <summary>No redirect of this request went from the same route to the route of the target before (<c>envoy.internal_redirect_predicates.previous_routes</c>).</summary>
public sealed record PreviousRoutesPredicate : RedirectPredicate;

/// <summary>Not from http to https (<c>envoy.internal_redirect_predicates.safe_cross_scheme</c>).</summary>
public sealed record SafeCrossSchemePredicate : RedirectPredicate;

/// <summary>An <see cref="InternalRedirectPolicy"/> ready for traffic. Immutable.</summary>
internal sealed class CompiledInternalRedirects
{
    private CompiledInternalRedirects(InternalRedirectPolicy source)
    {
        Source = source;
        HeadersToCopy = [.. source.ResponseHeadersToCopy.Select(static name => Encoding.UTF8.GetBytes(name.ToLowerInvariant()))];
    }

    /// <summary>The policy as configured.</summary>
    public InternalRedirectPolicy Source { get; }

    /// <summary>Names in lower case.</summary>
    public byte[][] HeadersToCopy { get; }

    /// <summary>Compiles a policy; null for none.</summary>
    public static CompiledInternalRedirects? Compile(InternalRedirectPolicy? policy, string path, CompilationScope scope)
    {
        if (policy is null)
        {
            return null;
        }

        for (var i = 0; i < policy.ResponseHeadersToCopy.Length; i++)
        {
            HeaderMutationsBuilder.CheckName(policy.ResponseHeadersToCopy[i], $"{path}.response_headers_to_copy[{i}]", scope);
        }

        return new CompiledInternalRedirects(policy);
    }

    /// <summary>True where a response with this status is to be followed.</summary>
    public bool Follows(int status) => Source.ResponseCodes.Contains(status);

    /// <summary>True where this header of the request is replaced by that of the redirect.</summary>
    public bool Copies(ReadOnlySpan<byte> lowerCaseName)
    {
        foreach (var name in HeadersToCopy)
        {
            if (lowerCaseName.SequenceEqual(name))
            {
                return true;
            }
        }

        return false;
    }
}

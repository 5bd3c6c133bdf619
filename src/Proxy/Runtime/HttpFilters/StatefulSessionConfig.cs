using System.Collections.Immutable;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Hashing;

namespace KubeProxyNet.Proxy.Runtime.HttpFilters;

/// <summary>
/// Sends the requests of a session to the endpoint that answered the first one, which the client tells in a cookie or a header. Envoy's
/// <c>envoy.filters.http.stateful_session</c>.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Session">What it does where a route says nothing else.</param>
public sealed record StatefulSessionConfig(string Name, StatefulSession Session) : HttpFilterConfig(Name)
{
    /// <summary>Name of its counters; empty for none. What routes say otherwise is not counted, as in Envoy.</summary>
    public string StatPrefix { get; init; } = "";
}

/// <summary>How sessions are kept.</summary>
/// <param name="State">Where the endpoint's address is kept; null to keep no sessions.</param>
/// <param name="IsStrict">True to answer 503 where the endpoint of a session cannot be used; otherwise another one takes over.</param>
public sealed record StatefulSession(SessionState? State, bool IsStrict);

/// <summary>Where the address of a session's endpoint is kept.</summary>
public abstract record SessionState;

/// <summary>In a cookie: <c>envoy.http.stateful_session.cookie</c>.</summary>
/// <param name="Name">The cookie's name.</param>
public sealed record CookieSessionState(string Name) : SessionState
{
    /// <summary>Lifetime in whole seconds; zero for as long as the browser runs.</summary>
    public TimeSpan Ttl { get; init; }

    /// <summary>Only requests below it have sessions; empty for all.</summary>
    public string Path { get; init; } = "";

    /// <summary>Further attributes of the cookie.</summary>
    public ImmutableArray<CookieAttribute> Attributes { get; init; } = [];

    /// <summary>True for a request whose path, query included, is the cookie's or below it.</summary>
    internal bool Covers(ReadOnlySpan<byte> target)
    {
        if (Path is "" or "/")
        {
            return true;
        }

        if (target.Length < Path.Length || !System.Text.Ascii.Equals(target[..Path.Length], Path))
        {
            return false;
        }

        return Path[^1] == '/' || target.Length == Path.Length || target[Path.Length] is (byte)'/' or (byte)'?' or (byte)'#';
    }
}

/// <summary>In a header: <c>envoy.http.stateful_session.header</c>.</summary>
/// <param name="Name">The header's name.</param>
public sealed record HeaderSessionState(string Name) : SessionState;

/// <summary>What a route says of sessions: Envoy's <c>StatefulSessionPerRoute</c>.</summary>
/// <param name="Session">How they are kept; null for not at all.</param>
public sealed record StatefulSessionRouteSettings(StatefulSession? Session) : RouteFilterSettings;

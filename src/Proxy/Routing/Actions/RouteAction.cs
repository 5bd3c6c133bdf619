namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>
/// What a route does: <see cref="ForwardAction"/>, <see cref="RedirectAction"/>, <see cref="DirectResponseAction"/> or <see cref="NonForwardingAction"/>.
/// </summary>
public abstract record RouteAction;

/// <summary>Answers from the proxy: Envoy's <c>DirectResponseAction</c>.</summary>
/// <param name="Status">200 to 599.</param>
/// <param name="Body">The body; empty for none.</param>
public sealed record DirectResponseAction(int Status, ReadOnlyMemory<byte> Body = default) : RouteAction;

/// <summary>A route that only servers which end requests themselves act on; a proxy answers 404.</summary>
public sealed record NonForwardingAction : RouteAction;

/// <summary>Answers with a redirect: Envoy's <c>RedirectAction</c>. At most one of the three path members is set.</summary>
public sealed record RedirectAction : RouteAction
{
    /// <summary>True for scheme https. <see cref="SchemeRedirect"/> goes first.</summary>
    public bool HttpsRedirect { get; init; }

    /// <summary>New scheme; empty to keep the request's.</summary>
    public string SchemeRedirect { get; init; } = "";

    /// <summary>New host, with port where wanted; empty to keep the request's.</summary>
    public string HostRedirect { get; init; } = "";

    /// <summary>New port; 0 to keep the request's (without a port that was the default of a scheme that changes).</summary>
    public int PortRedirect { get; init; }

    /// <summary>New path, which may hold a query that then replaces the request's; empty for none.</summary>
    public string PathRedirect { get; init; } = "";

    /// <summary>Replaces what the route matched of the path; empty for none.</summary>
    public string PrefixRewrite { get; init; } = "";

    /// <summary>Rewrites the path without query; null for none.</summary>
    public RegexSubstitution? RegexRewrite { get; init; }

    /// <summary>301 (the default), 302, 303, 307 or 308.</summary>
    public int ResponseCode { get; init; } = 301;

    /// <summary>True to drop the request's query.</summary>
    public bool StripQuery { get; init; }
}

/// <summary>
/// Replaces every match of a regular expression: Envoy's <c>RegexMatchAndSubstitute</c>.
/// </summary>
/// <param name="Pattern">The expression.</param>
/// <param name="Substitution"><c>\0</c> is the match, <c>\1</c> to <c>\9</c> are groups, <c>\\</c> is a backslash.</param>
public sealed record RegexSubstitution(string Pattern, string Substitution);

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>
/// Listens to a match. Traffic passes <see cref="NoTrace"/>, which costs nothing since the match is compiled anew for each struct;
/// an explanation passes <see cref="RecordingTrace"/>. Both run the same code.
/// </summary>
public interface IMatchTrace
{
    /// <summary>False to leave out work that only serves the trace.</summary>
    static abstract bool IsEnabled { get; }

    /// <summary>One step of the search for a virtual host: exact, suffix wildcard, prefix wildcard, catch-all, in this order until one is found.</summary>
    void DomainsSearched(DomainKind kind, bool found);

    /// <summary>The virtual host whose domain covers the authority.</summary>
    void VirtualHostSelected(CompiledVirtualHost virtualHost, DomainKind kind, string domain);

    /// <summary>No domain covers the authority: 404.</summary>
    void NoVirtualHost(bool authorityMissing);

    /// <summary>The virtual host demands TLS and the request is plain text: it is redirected without a look at the routes.</summary>
    void TlsRequired(CompiledVirtualHost virtualHost);

    /// <summary>The virtual host's matcher leaves the routes with index <paramref name="start"/> to <paramref name="end"/> - 1, which may be none.</summary>
    void RoutesChosen(CompiledVirtualHost virtualHost, int start, int end);

    /// <summary>The routes with index <paramref name="start"/> to <paramref name="end"/> - 1 do not match the path.</summary>
    void PathsSkipped(CompiledVirtualHost virtualHost, int start, int end);

    /// <summary>
    /// The route matches as far as the index of paths can tell, but not otherwise.
    /// <paramref name="matcher"/> is the index of the header or query parameter matcher that failed; 0 for the other reasons.
    /// </summary>
    void RouteSkipped(CompiledRoute route, SkipReason reason, int matcher);

    /// <summary>The first route that matches.</summary>
    void RouteSelected(CompiledRoute route);

    /// <summary>No route of the virtual host matches: 404.</summary>
    void NoRoute(CompiledVirtualHost virtualHost);
}

/// <summary>The kinds of domain in the order of their precedence; of two wildcards of a kind the longer goes first.</summary>
public enum DomainKind
{
    Exact,
    SuffixWildcard,
    PrefixWildcard,
    CatchAll,
}

/// <summary>Why a route was not taken.</summary>
public enum SkipReason
{
    Path,
    Header,
    QueryParameter,
    RuntimeFraction,
    ClientCertificate,
}

/// <summary>The trace of traffic: none.</summary>
public readonly struct NoTrace : IMatchTrace
{
    /// <inheritdoc/>
    public static bool IsEnabled => false;

    /// <inheritdoc/>
    public void DomainsSearched(DomainKind kind, bool found)
    {
    }

    /// <inheritdoc/>
    public void VirtualHostSelected(CompiledVirtualHost virtualHost, DomainKind kind, string domain)
    {
    }

    /// <inheritdoc/>
    public void NoVirtualHost(bool authorityMissing)
    {
    }

    /// <inheritdoc/>
    public void TlsRequired(CompiledVirtualHost virtualHost)
    {
    }

    /// <inheritdoc/>
    public void RoutesChosen(CompiledVirtualHost virtualHost, int start, int end)
    {
    }

    /// <inheritdoc/>
    public void PathsSkipped(CompiledVirtualHost virtualHost, int start, int end)
    {
    }

    /// <inheritdoc/>
    public void RouteSkipped(CompiledRoute route, SkipReason reason, int matcher)
    {
    }

    /// <inheritdoc/>
    public void RouteSelected(CompiledRoute route)
    {
    }

    /// <inheritdoc/>
    public void NoRoute(CompiledVirtualHost virtualHost)
    {
    }
}

using System.Globalization;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>Records a match as a list of steps, for explanations. It allocates; never for traffic.</summary>
public struct RecordingTrace : IMatchTrace
{
    private readonly List<MatchStep> _steps = [];

    /// <summary>Starts an empty record.</summary>
    public RecordingTrace()
    {
    }

    /// <inheritdoc/>
    public static bool IsEnabled => true;

    /// <summary>What happened, in order.</summary>
    public readonly IReadOnlyList<MatchStep> Steps => _steps;

    /// <inheritdoc/>
    public readonly void DomainsSearched(DomainKind kind, bool found)
    {
        if (!found)
        {
            Add(MatchStepKind.DomainsSearched, kind switch
            {
                DomainKind.Exact => "no domain is exactly this host",
                DomainKind.SuffixWildcard => "no wildcard domain '*…' covers this host",
                DomainKind.PrefixWildcard => "no wildcard domain '…*' covers this host",
                _ => "there is no domain '*'",
            });
        }
    }

    /// <inheritdoc/>
    public readonly void VirtualHostSelected(CompiledVirtualHost virtualHost, DomainKind kind, string domain) =>
        _steps.Add(new MatchStep(MatchStepKind.VirtualHostSelected, $"virtual host '{virtualHost.Name}' by {Name(kind)} domain '{domain}'")
        {
            VirtualHost = virtualHost,
            Domain = kind,
        });

    /// <inheritdoc/>
    public readonly void NoVirtualHost(bool authorityMissing) =>
        Add(MatchStepKind.NoVirtualHost, authorityMissing ? "the request names no host" : "no virtual host covers this host");

    /// <inheritdoc/>
    public readonly void TlsRequired(CompiledVirtualHost virtualHost) =>
        _steps.Add(new MatchStep(MatchStepKind.TlsRequired, $"virtual host '{virtualHost.Name}' redirects plain text to https") { VirtualHost = virtualHost });

    /// <inheritdoc/>
    public readonly void RoutesChosen(CompiledVirtualHost virtualHost, int start, int end) => _steps.Add(new MatchStep(
        MatchStepKind.RoutesChosen,
        start == end
            ? $"the matcher of virtual host '{virtualHost.Name}' leads to no route"
            : $"the matcher of virtual host '{virtualHost.Name}' leads to {string.Join(", ", virtualHost.Routes[start..end].ToArray().Select(static route => route.ToString()))}")
    {
        VirtualHost = virtualHost,
    });

    /// <inheritdoc/>
    public readonly void PathsSkipped(CompiledVirtualHost virtualHost, int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            RouteSkipped(virtualHost.Routes[i], SkipReason.Path, 0);
        }
    }

    /// <inheritdoc/>
    public readonly void RouteSkipped(CompiledRoute route, SkipReason reason, int matcher)
    {
        var match = route.Source.Match;
        var why = reason switch
        {
            SkipReason.Path => $"path is not {Describe(match)}",
            SkipReason.Header => $"header {match.Headers[matcher]} does not hold",
            SkipReason.ClientCertificate => "the client's certificate is not as tls_context demands",
            SkipReason.QueryParameter => $"query parameter {match.QueryParameters[matcher]} does not hold",
            _ => string.Create(CultureInfo.InvariantCulture, $"not among the requests that it takes: {match.RuntimeFraction!.Numerator} of {match.RuntimeFraction.Denominator}{(match.RuntimeFraction.Key.Length > 0 ? $", unless the runtime has another value for {match.RuntimeFraction.Key}" : "")}"),
        };
        _steps.Add(new MatchStep(MatchStepKind.RouteSkipped, $"route {route} skipped: {why}") { Route = route, Reason = reason, Matcher = matcher });
    }

    /// <inheritdoc/>
    public readonly void RouteSelected(CompiledRoute route) =>
        _steps.Add(new MatchStep(MatchStepKind.RouteSelected, $"route {route} taken: {Describe(route.Source.Match)}") { Route = route });

    /// <inheritdoc/>
    public readonly void NoRoute(CompiledVirtualHost virtualHost) =>
        _steps.Add(new MatchStep(MatchStepKind.NoRoute, $"no route of virtual host '{virtualHost.Name}' matches") { VirtualHost = virtualHost });

    private readonly void Add(MatchStepKind kind, string text) => _steps.Add(new MatchStep(kind, text));

    private static string Name(DomainKind kind) => kind switch
    {
        DomainKind.Exact => "exact",
        DomainKind.SuffixWildcard => "suffix wildcard",
        DomainKind.PrefixWildcard => "prefix wildcard",
        _ => "catch-all",
    };

    private static string Describe(RouteMatch match)
    {
        var anyCase = match.CaseSensitive || match.Path is RegexPath or TemplatePath ? "" : " (any case)";
        return match.Path switch
        {
            PrefixPath path => $"prefix '{path.Prefix}'{anyCase}",
            ExactPath path => $"exactly '{path.Path}'{anyCase}",
            SeparatedPrefixPath path => $"'{path.Prefix}' or below{anyCase}",
            TemplatePath path => $"template '{path.Template}'",
            RegexPath path => $"regex '{path.Pattern}'",
            _ => "of a CONNECT request",
        };
    }
}

/// <summary>One step of a match.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Text">It in words, for people.</param>
public sealed record MatchStep(MatchStepKind Kind, string Text)
{
    /// <summary>The virtual host it is about; null where it is about a route or none.</summary>
    public CompiledVirtualHost? VirtualHost { get; init; }

    /// <summary>The route it is about; null where it is about none.</summary>
    public CompiledRoute? Route { get; init; }

    /// <summary>How the virtual host was found; null for other steps.</summary>
    public DomainKind? Domain { get; init; }

    /// <summary>Why the route was skipped; null for other steps.</summary>
    public SkipReason? Reason { get; init; }

    /// <summary>Index of the header or query parameter matcher that failed.</summary>
    public int Matcher { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>The kinds of <see cref="MatchStep"/>.</summary>
public enum MatchStepKind
{
    DomainsSearched,
    VirtualHostSelected,
    NoVirtualHost,
    TlsRequired,
    RoutesChosen,
    RouteSkipped,
    RouteSelected,
    NoRoute,
}

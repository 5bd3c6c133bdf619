using System.Collections.Immutable;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>
/// Chooses which routes of a virtual host are tried for a request, by conditions in their order or by the value of an input: Envoy's
/// <c>xds.type.matcher.v3.Matcher</c> as a virtual host's <c>matcher</c>. The chosen routes then match as ever.
/// </summary>
public abstract record RouteMatcher
{
    /// <summary>What follows where nothing matches; null for no route.</summary>
    public RouteMatcherOutcome? OnNoMatch { get; init; }
}

/// <summary>Conditions, tried in order.</summary>
/// <param name="Entries">The conditions.</param>
public sealed record RouteMatcherList(ImmutableArray<RouteMatcherEntry> Entries) : RouteMatcher;

/// <summary>A condition and what follows from it.</summary>
/// <param name="Predicate">The condition.</param>
/// <param name="Outcome">What follows. Where that is a matcher in which nothing matches, the search goes on behind the entry.</param>
public sealed record RouteMatcherEntry(MatchPredicate Predicate, RouteMatcherOutcome Outcome);

/// <summary>Values of an input and what follows from each.</summary>
/// <param name="Input">The input.</param>
/// <param name="IsPrefix">False where a value must be equal. True where it must be a prefix: the longest goes first, the next where that leads to nothing.</param>
/// <param name="Entries">The values, each once.</param>
public sealed record RouteMatcherMap(MatchInput Input, bool IsPrefix, ImmutableArray<(string Value, RouteMatcherOutcome Outcome)> Entries) : RouteMatcher;

/// <summary>Blocks of addresses and what follows from an input that is an address in one of them: Envoy's <c>xds.type.matcher.v3.IPMatcher</c>.</summary>
/// <param name="Input">The input; nothing matches where it is no address.</param>
/// <param name="Entries">The blocks. The longest prefix goes first, then the order here; the next where that leads to nothing.</param>
public sealed record RouteMatcherAddresses(MatchInput Input, ImmutableArray<RouteMatcherAddressEntry> Entries) : RouteMatcher;

/// <summary>Some blocks of addresses and what follows from them.</summary>
/// <param name="Ranges">The blocks.</param>
/// <param name="Outcome">What follows.</param>
/// <param name="IsExclusive">True where it follows only if no other block was tried before.</param>
public sealed record RouteMatcherAddressEntry(ImmutableArray<CidrRange> Ranges, RouteMatcherOutcome Outcome, bool IsExclusive);

/// <summary>What follows from a match: another matcher, or routes.</summary>
public sealed record RouteMatcherOutcome
{
    /// <summary>The next matcher; null where there are routes.</summary>
    public RouteMatcher? Matcher { get; init; }

    /// <summary>Index of the first route in <see cref="VirtualHost.Routes"/>.</summary>
    public int FirstRoute { get; init; }

    /// <summary>Number of routes.</summary>
    public int RouteCount { get; init; }

    /// <summary>True where the search goes on as if nothing had matched.</summary>
    public bool KeepsMatching { get; init; }
}

/// <summary>What is looked at of a request.</summary>
public abstract record MatchInput;

/// <summary>The value of a header; several fields of the name are one list, joined by commas.</summary>
/// <param name="Name">Name of the header, or of a pseudo-header such as <c>:path</c>.</param>
public sealed record HeaderInput(string Name) : MatchInput;

/// <summary>The value of the first query parameter of a name.</summary>
/// <param name="Name">Name of the parameter.</param>
public sealed record QueryParameterInput(string Name) : MatchInput;

/// <summary>A condition on requests.</summary>
public abstract record MatchPredicate;

/// <summary>The value of an input; it does not hold where there is none.</summary>
/// <param name="Input">The input.</param>
/// <param name="Value">What its value must be.</param>
public sealed record InputPredicate(MatchInput Input, StringMatcher Value) : MatchPredicate;

/// <summary>An input that is an address in one of some blocks: Envoy's <c>envoy.matching.matchers.ip</c>.</summary>
/// <param name="Input">The input; it does not hold where there is none, or where it is no address.</param>
/// <param name="Ranges">The blocks.</param>
/// <param name="StatPrefix">Prefix of the counter of values that were no address, <c>ip_parsing_failed</c>.</param>
public sealed record AddressPredicate(MatchInput Input, ImmutableArray<CidrRange> Ranges, string StatPrefix) : MatchPredicate;

/// <summary>All of them hold.</summary>
/// <param name="Parts">Two at least.</param>
public sealed record AllPredicate(ImmutableArray<MatchPredicate> Parts) : MatchPredicate;

/// <summary>One of them holds.</summary>
/// <param name="Parts">Two at least.</param>
public sealed record AnyPredicate(ImmutableArray<MatchPredicate> Parts) : MatchPredicate;

/// <summary>It does not hold.</summary>
/// <param name="Part">What must not hold.</param>
public sealed record NotPredicate(MatchPredicate Part) : MatchPredicate;

using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>Two filter chains of a listener that some connections fit equally well, by index.</summary>
internal readonly record struct SameMatch(int First, int Second);

/// <summary>
/// Finds the filter chain of a connection as Envoy does (Envoy API, <c>config.listener.v3.FilterChainMatch</c>): by destination port, destination address,
/// server name, transport protocol, application protocols, address of the peer, kind of source, address and port of the source. At each step the most
/// specific of what chains ask for is taken, and there is no way back from it: a chain for the right server name and another protocol hides those
/// that ask for no server name. The cost does not depend on the number of chains. Immutable.
/// </summary>
internal sealed class FilterChainTable
{
    private readonly PortLevel<RangeLevel<NameLevel>> _root = new();

    private FilterChainTable()
    {
    }

    /// <summary>Builds the table; null where two matches are the same or overlap.</summary>
    /// <param name="matches">By index of the chain.</param>
    /// <param name="same">The first two that do.</param>
    public static FilterChainTable? Build(IReadOnlyList<FilterChainMatch> matches, out SameMatch same)
    {
        var table = new FilterChainTable();
        for (var i = 0; i < matches.Count; i++)
        {
            var other = table.Add(matches[i], i);
            if (other >= 0)
            {
                same = new SameMatch(other, i);
                return null;
            }
        }

        same = default;
        return table;
    }

    /// <summary>The index of a connection's chain; -1 for none.</summary>
    public int Find(in ConnectionFacts facts) => _root.Find(facts.Destination.Port)?.Find(facts.Destination.Value)?.Find(facts.ServerName) is { } found
        ? Find(found, facts)
        : -1;

    private static int Find(ByteLevel<ByteLevel<SourceLevel>> protocols, in ConnectionFacts facts)
    {
        var transport = facts.TransportProtocol.IsEmpty ? "raw_buffer"u8 : facts.TransportProtocol;
        var applications = protocols.Find(transport) ?? protocols.Any;
        return (applications is null ? null : Find(applications, facts.ApplicationProtocols))
            ?.Find(facts.Source.Value)?.Find(facts)?.Find(facts.Source.Value)?.Find(facts.Source.Port)?.Index ?? -1;
    }

    private static SourceLevel? Find(ByteLevel<SourceLevel> applications, ReadOnlySpan<byte> offered)
    {
        while (!offered.IsEmpty)
        {
            var length = offered[0];
            if (applications.Find(offered.Slice(1, length)) is { } found)
            {
                return found;
            }

            offered = offered[(1 + length)..];
        }

        return applications.Any;
    }

    /// <summary>The chain that has a place already that this one asks for; -1 where all of them were free.</summary>
    private int Add(FilterChainMatch match, int index)
    {
        var other = -1;
        foreach (var destination in OrAny(match.DestinationRanges))
        {
            var names = _root.Add(match.DestinationPort).Add(destination);
            foreach (var name in OrEmpty(match.ServerNames))
            {
                var protocols = names.Add(name).Add(match.TransportProtocol);
                foreach (var application in OrEmpty(match.ApplicationProtocols))
                {
                    other = Math.Max(other, Add(protocols.Add(application), match, index));
                }
            }
        }

        return other;
    }

    private static int Add(SourceLevel sources, FilterChainMatch match, int index)
    {
        var other = -1;
        foreach (var direct in OrAny(match.DirectSourceRanges))
        {
            foreach (var source in OrAny(match.SourceRanges))
            {
                var ports = sources.Add(direct).Add(match.SourceType).Add(source);
                foreach (var port in match.SourcePorts.DefaultIfEmpty(0))
                {
                    var place = ports.Add(port);
                    other = place.Index >= 0 && place.Index != index ? place.Index : other;
                    place.Index = place.Index < 0 ? index : place.Index;
                }
            }
        }

        return other;
    }

    private static IEnumerable<CidrRange?> OrAny(IReadOnlyCollection<CidrRange> ranges) => ranges.DefaultIfEmpty();

    private static IEnumerable<string> OrEmpty(IReadOnlyCollection<string> values) => values.DefaultIfEmpty("");

    /// <summary>The end of the way.</summary>
    private sealed class Place
    {
        public int Index { get; set; } = -1;
    }

    /// <summary>From the address of the peer on.</summary>
    private sealed class SourceLevel
    {
        private readonly RangeLevel<SourceTypeLevel<RangeLevel<PortLevel<Place>>>> _direct = new();

        public SourceTypeLevel<RangeLevel<PortLevel<Place>>> Add(CidrRange? direct) => _direct.Add(direct);

        public SourceTypeLevel<RangeLevel<PortLevel<Place>>>? Find(IpAddress direct) => _direct.Find(direct);
    }

    /// <summary>By server name: the whole one, then the longest <c>*.</c> that ends it, then none.</summary>
    private sealed class NameLevel
    {
        private readonly ByteLevel<ByteLevel<ByteLevel<SourceLevel>>> _names = new();

        // A wildcard is kept by what follows its star, which no whole name begins with.
        public ByteLevel<ByteLevel<SourceLevel>> Add(string name) => _names.Add(name.StartsWith("*.", StringComparison.Ordinal) ? name[1..] : name);

        public ByteLevel<ByteLevel<SourceLevel>>? Find(ReadOnlySpan<byte> name)
        {
            if (name.IsEmpty)
            {
                return _names.Any;
            }

            if (_names.Find(name) is { } whole)
            {
                return whole;
            }

            for (var dot = NextDot(name, 1); dot >= 0 && dot < name.Length - 1; dot = NextDot(name, dot + 1))
            {
                if (_names.Find(name[dot..]) is { } wildcard)
                {
                    return wildcard;
                }
            }

            return _names.Any;
        }

        private static int NextDot(ReadOnlySpan<byte> name, int from)
        {
            var at = from >= name.Length ? -1 : name[from..].IndexOf((byte)'.');
            return at < 0 ? -1 : from + at;
        }
    }
}

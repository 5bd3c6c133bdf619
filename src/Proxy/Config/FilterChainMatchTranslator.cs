using System.Net;
using Google.Protobuf.Collections;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Xds.Validation;
using CidrRange = KubeProxyNet.Proxy.Transport.CidrRange;
using FilterChainMatch = KubeProxyNet.Proxy.Runtime.FilterChains.FilterChainMatch;
using MatchMessage = Envoy.Config.Listener.V3.FilterChainMatch;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the match of a filter chain into what the engine runs. Ranges and ports were checked with the schema.</summary>
internal static class FilterChainMatchTranslator
{
    /// <summary>The match.</summary>
    /// <param name="message">Null for everything.</param>
    /// <param name="problems">Where faults go.</param>
    /// <param name="path">Of the match.</param>
    public static FilterChainMatch Translate(MatchMessage? message, TranslationProblems problems, ConfigPath path)
    {
        if (message is null)
        {
            return FilterChainMatch.Any;
        }

        // Declared by Envoy, and refused by it.
        if (message.AddressSuffix.Length > 0)
        {
            problems.Add(path.Field("address_suffix"), "is not implemented, in Envoy neither", "use prefix_ranges");
        }

        if (message.SuffixLen is not null)
        {
            problems.Add(path.Field("suffix_len"), "is not implemented, in Envoy neither", "use prefix_ranges");
        }

        return new FilterChainMatch
        {
            DestinationPort = (int)(message.DestinationPort ?? 0u),
            DestinationRanges = Ranges(message.PrefixRanges),
            ServerNames = ServerNames(message.ServerNames, problems, path.Field("server_names")),
            TransportProtocol = message.TransportProtocol,
            ApplicationProtocols = new ValueList<string>(message.ApplicationProtocols),
            DirectSourceRanges = Ranges(message.DirectSourcePrefixRanges),
            SourceType = message.SourceType switch
            {
                MatchMessage.Types.ConnectionSourceType.SameIpOrLoopback => ConnectionSourceType.SameIpOrLoopback,
                MatchMessage.Types.ConnectionSourceType.External => ConnectionSourceType.External,
                _ => ConnectionSourceType.Any,
            },
            SourceRanges = Ranges(message.SourcePrefixRanges),
            SourcePorts = new ValueList<int>(message.SourcePorts.Select(static port => (int)port)),
        };
    }

    private static ValueList<CidrRange> Ranges(IEnumerable<Envoy.Config.Core.V3.CidrRange> ranges) =>
        new(ranges.Select(static range => new CidrRange(IPAddress.Parse(range.AddressPrefix), (int)(range.PrefixLen ?? 0u))));

    private static ValueList<string> ServerNames(RepeatedField<string> names, TranslationProblems problems, ConfigPath path)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i].LastIndexOf('*') > 0 || (names[i].StartsWith('*') && !names[i].StartsWith("*.", StringComparison.Ordinal)))
            {
                problems.Add(path.Index(i), $"\"{names[i]}\" is a partial wildcard", "write a whole name, or \"*.\" and the end of the names");
            }
        }

        return new ValueList<string>(names.Select(static name => name.ToLowerInvariant()));
    }
}

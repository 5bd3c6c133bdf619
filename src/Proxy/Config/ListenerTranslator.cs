using System.Globalization;
using System.Net;
using Envoy.Config.Listener.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Xds.Validation;
using SocketAddress = Envoy.Config.Core.V3.SocketAddress;

namespace KubeProxyNet.Proxy.Config;

/// <summary>A listener as translated, before its routes are known.</summary>
/// <param name="Config">Settings.</param>
/// <param name="RoutesTimeout">How long all of its discovered routes are waited for; infinite for as long as it takes.</param>
internal sealed record TranslatedListener(ListenerConfig Config, TimeSpan RoutesTimeout)
{
    /// <summary>TLS of each filter chain, in the order of <see cref="ListenerConfig.AllFilterChains"/>; null for plain text.</summary>
    public IReadOnlyList<DownstreamTlsPlan?> Tls { get; init; } = [];

    /// <summary>The settings with the secrets that there are.</summary>
    public ListenerConfig ConfigWith(ISecrets secrets) => Tls.All(static plan => plan is null)
        ? Config
        : Config with
        {
            FilterChains = [.. Config.FilterChains.Select((chain, index) => chain with { Tls = Tls[index]?.Resolve(secrets) })],
            DefaultFilterChain = Config.DefaultFilterChain is null ? null : Config.DefaultFilterChain with { Tls = Tls[^1]?.Resolve(secrets) },
        };
}

/// <summary>Turns a listener into what the engine runs.</summary>
internal static class ListenerTranslator
{
    /// <summary>The listener; null where it cannot be used, which <paramref name="problems"/> then tells.</summary>
    /// <param name="message">A listener that passed the checks of its schema.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="now">The time that certificates must be valid at; null for the system's.</param>
    public static TranslatedListener? Translate(Listener message, TranslationProblems problems, DateTimeOffset? now = null)
    {
        var before = problems.Found.Count;
        var address = AddressOf(message, problems);
        var filters = ListenerFiltersTranslator.Translate(message.ListenerFilters, problems, ConfigPath.Root.Field("listener_filters"), out var sources);
        var reading = new ListenerReading(new SocketReading($"listener \"{message.Name}\"", now ?? TimeProvider.System.GetUtcNow()), message.PerConnectionBufferLimitBytes);
        var chains = message.FilterChains.Select((chain, index) => FilterChainTranslator.Translate(chain, reading, problems, ConfigPath.Root.Field("filter_chains").Index(index))).ToArray();
        var last = message.DefaultFilterChain is { } chain ? FilterChainTranslator.Translate(chain, reading, problems, ConfigPath.Root.Field("default_filter_chain")) : null;
        if (message.FilterChains.Count == 0 && message.DefaultFilterChain is null)
        {
            problems.Add(ConfigPath.Root.Field("filter_chains"), "a listener needs a filter chain", "add one");
        }

        if (problems.Found.Count == before)
        {
            CheckMatches(chains, problems);
        }

        if (problems.Found.Count > before)
        {
            return null;
        }

        var config = new ListenerConfig
        {
            Name = message.Name,
            Address = address!,
            IsIpv4Compatible = message.Address.SocketAddress?.Ipv4Compat ?? false,
            PipeMode = message.Address.Pipe?.Mode ?? 0,
            StatPrefix = message.StatPrefix,
            IgnoresGlobalConnectionLimit = message.IgnoreGlobalConnLimit,
            SourceConnections = sources,
            FilterChains = [.. chains.Select(static chain => chain!.Config)],
            DefaultFilterChain = last?.Config,
            ListenerFilters = filters,
            ListenerFiltersTimeout = message.ListenerFiltersTimeout is { } timeout ? ResourceTimeouts.Bounded(timeout.ToTimeSpan()) : TimeSpan.FromSeconds(15),
            ContinueOnListenerFiltersTimeout = message.ContinueOnListenerFiltersTimeout,
        };
        return new TranslatedListener(config, LongestWait(chains.Append(last))) { Tls = [.. chains.Append(last).OfType<TranslatedFilterChain>().Select(static chain => chain.Tls)] };
    }

    /// <summary>The longest of the waits for routes, since all of them are waited for; an infinite one is the longest.</summary>
    private static TimeSpan LongestWait(IEnumerable<TranslatedFilterChain?> chains)
    {
        var waits = chains.OfType<TranslatedFilterChain>().Where(static chain => chain.RoutesSource is not null)
            .Select(static chain => ResourceTimeouts.InitialFetch(chain.RoutesSource)).DefaultIfEmpty(ResourceTimeouts.InitialFetch(null)).ToArray();
        return waits.Contains(Timeout.InfiniteTimeSpan) ? Timeout.InfiniteTimeSpan : waits.Max();
    }

    private static void CheckMatches(TranslatedFilterChain?[] chains, TranslationProblems problems)
    {
        if (FilterChainTable.Build([.. chains.Select(static chain => chain!.Config.Match)], out var same) is null)
        {
            problems.Add(
                ConfigPath.Root.Field("filter_chains").Index(same.Second).Field("filter_chain_match"),
                $"multiple filter chains with the same matching rules are defined: {NameOf(chains[same.Second]!, same.Second)} and {NameOf(chains[same.First]!, same.First)}",
                "give each filter chain connections of its own");
        }
    }

    private static string NameOf(TranslatedFilterChain chain, int index) =>
        chain.Config.Name.Length > 0 ? $"\"{chain.Config.Name}\"" : string.Create(CultureInfo.InvariantCulture, $"filter_chains[{index}]");

    private static SocketEndpoint? AddressOf(Listener message, TranslationProblems problems)
    {
        var path = ConfigPath.Root.Field("address").Field("socket_address");
        if (message.Address?.Pipe is { } pipe)
        {
            return PipeTranslator.AddressOf(pipe, problems, ConfigPath.Root.Field("address"));
        }

        if (message.Address?.SocketAddress is not { Protocol: SocketAddress.Types.Protocol.Tcp } socket)
        {
            problems.Add(ConfigPath.Root.Field("address"), "only TCP socket addresses are supported", "use socket_address with address and port_value, or pipe with path");
            return null;
        }

        if (IPAddress.TryParse(socket.Address, out var address))
        {
            return new SocketEndpoint(address, (int)socket.PortValue);
        }

        problems.Add(path.Field("address"), $"\"{socket.Address}\" is no IP address", "write an IP address such as 0.0.0.0");
        return null;
    }
}

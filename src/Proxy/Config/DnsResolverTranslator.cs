using System.Net;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Network.DnsResolver.Cares.V3;
using Envoy.Extensions.Network.DnsResolver.Getaddrinfo.V3;
using Google.Protobuf.Collections;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Reads which DNS servers are asked, and how. The same can be written in three ways, of which the typed one goes before <c>dns_resolution_config</c>
/// and that before the single fields, as in Envoy; all become one form.
/// </summary>
internal static class DnsResolverTranslator
{
    // What timers can hold is far more, but nobody waits longer for a name.
    private const ulong LongestTimeoutSeconds = 3600;

    private const uint MaxTries = 100;

    /// <summary>The resolver of a cluster; null where it uses that of the bootstrap.</summary>
    public static CaresDnsResolverConfig? OfCluster(ClusterMessage cluster, TranslationProblems problems)
    {
        if (Typed(cluster.TypedDnsResolverConfig, ConfigPath.Root, problems) is { } typed)
        {
            return typed;
        }

        if (cluster.DnsResolutionConfig is { } config)
        {
            return Checked(Untyped(config.Resolvers, config.DnsResolverOptions), ConfigPath.Root.Field("dns_resolution_config").Field("resolvers"), problems);
        }

        return cluster.DnsResolvers.Count > 0 || cluster.UseTcpForDnsLookups
            ? Checked(Untyped(cluster.DnsResolvers, new DnsResolverOptions { UseTcpForDnsLookups = cluster.UseTcpForDnsLookups }), ConfigPath.Root.Field("dns_resolvers"), problems)
            : null;
    }

    /// <summary>The resolver of everything that has none of its own.</summary>
    public static CaresDnsResolverConfig OfBootstrap(Bootstrap bootstrap, TranslationProblems problems)
    {
        if (Typed(bootstrap.TypedDnsResolverConfig, ConfigPath.Root, problems) is { } typed)
        {
            return typed;
        }

        return bootstrap.DnsResolutionConfig is { } config
            ? Checked(Untyped(config.Resolvers, config.DnsResolverOptions), ConfigPath.Root.Field("dns_resolution_config").Field("resolvers"), problems)
            : Untyped([], new DnsResolverOptions { UseTcpForDnsLookups = bootstrap.UseTcpForDnsLookups });
    }

    /// <summary>The same as the resolver takes it.</summary>
    public static DnsQueryOptions OptionsOf(CaresDnsResolverConfig config) => new()
    {
        Servers = [.. config.Resolvers.Select(ServerOf)],
        UseServersAsFallback = config.UseResolversAsFallback,
        UseTcp = config.DnsResolverOptions?.UseTcpForDnsLookups ?? false,
        NoSearch = config.DnsResolverOptions?.NoDefaultSearchDomain ?? false,
        OnlyRoutableFamilies = config.FilterUnroutableFamilies,
        Timeout = config.QueryTimeoutSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, LongestTimeoutSeconds)) : null,
        Tries = config.QueryTries is { } tries ? (int)Math.Min(tries, MaxTries) : null,
        Rotate = config.RotateNameservers,
        PayloadSize = (int)(config.Edns0MaxPayloadSize ?? DnsQueryOptions.DefaultPayloadSize),
    };

    /// <summary>The resolver of a <c>typed_dns_resolver_config</c>; null without one.</summary>
    /// <param name="extension">The field.</param>
    /// <param name="parent">Path of what it is a field of.</param>
    /// <param name="problems">Takes what is wrong.</param>
    public static CaresDnsResolverConfig? Typed(TypedExtensionConfig? extension, ConfigPath parent, TranslationProblems problems)
    {
        if (extension?.TypedConfig is not { } any)
        {
            return null;
        }

        if (any.TryUnpack<GetAddrInfoDnsResolverConfig>(out var system))
        {
            // Ours reads what the system's reads.
            return new CaresDnsResolverConfig { QueryTries = system.NumRetries is { } retries ? Math.Min(retries, MaxTries) + 1 : null };
        }

        var path = parent.Field("typed_dns_resolver_config").Field("typed_config");
        if (!any.TryUnpack<CaresDnsResolverConfig>(out var config))
        {
            problems.Add(path, "names no DNS resolver that is known here", $"use {CaresDnsResolverConfig.Descriptor.FullName}");
            return null;
        }

        return Checked(config, path.Field("resolvers"), problems);
    }

    private static CaresDnsResolverConfig Untyped(RepeatedField<Address> resolvers, DnsResolverOptions? options) =>
        new() { Resolvers = { resolvers }, DnsResolverOptions = options };

    private static CaresDnsResolverConfig Checked(CaresDnsResolverConfig config, ConfigPath path, TranslationProblems problems)
    {
        for (var i = 0; i < config.Resolvers.Count; i++)
        {
            if (!IPAddress.TryParse(config.Resolvers[i].SocketAddress?.Address, out _))
            {
                problems.Add(
                    path.Index(i).Field("socket_address").Field("address"),
                    $"\"{config.Resolvers[i].SocketAddress?.Address}\" is no IP address", "write the address of a DNS server, whose name nobody could resolve");
            }
        }

        return config;
    }

    private static IPEndPoint ServerOf(Address address)
    {
        var socket = address.SocketAddress;
        return new IPEndPoint(IPAddress.Parse(socket.Address), socket.PortValue == 0 ? DnsQueryOptions.DefaultPort : (int)socket.PortValue);
    }
}

using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Xds.Validation;
using EndpointMessage = Envoy.Config.Endpoint.V3.Endpoint;
using SocketAddress = Envoy.Config.Core.V3.SocketAddress;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns endpoint assignments into endpoints.</summary>
internal static class EndpointTranslator
{
    /// <summary>The endpoints; null where any cannot be used, which <paramref name="problems"/> then tells.</summary>
    public static ImmutableArray<EndpointConfig>? Translate(ClusterLoadAssignment message, TranslationProblems problems, ConfigPath? place = null)
    {
        var before = problems.Found.Count;
        var endpoints = ImmutableArray.CreateBuilder<EndpointConfig>();
        foreach (var (locality, endpoint, path) in Each(message, place))
        {
            if (endpoint.Endpoint.Address?.Pipe is { } pipe)
            {
                if (PipeTranslator.AddressOf(pipe, problems, path) is { } local)
                {
                    CheckIsPlainPipe(endpoint.Endpoint, problems, path);
                    endpoints.Add(EndpointOf(locality, endpoint, local, problems, path));
                }

                continue;
            }

            if (AddressOf(endpoint.Endpoint.Address, problems, path) is not { } socket)
            {
                continue;
            }

            if (!IPAddress.TryParse(socket.Address, out var address))
            {
                problems.Add(path.Field("address"), $"\"{socket.Address}\" is no IP address", "write an IP address, or use a STRICT_DNS cluster for host names");
                continue;
            }

            var config = EndpointOf(locality, endpoint, new SocketEndpoint(address, (int)socket.PortValue), problems, path);
            endpoints.Add(endpoint.Endpoint.AdditionalAddresses.Count == 0 ? config : config with { AdditionalAddresses = AdditionalOf(endpoint.Endpoint, problems, path) });
        }

        return problems.Found.Count > before ? null : endpoints.DrainToImmutable();
    }

    /// <summary>What an assignment says of how health becomes load; the defaults for null.</summary>
    public static AssignmentPolicy PolicyOf(ClusterLoadAssignment? message) => message?.Policy is not { } policy
        ? AssignmentPolicy.Default
        : new AssignmentPolicy
        {
            OverprovisioningFactor = (int)Math.Clamp(policy.OverprovisioningFactor ?? 140u, 1u, int.MaxValue),
            WeightedPriorityHealth = policy.WeightedPriorityHealth,
        };

    /// <summary>The names that a DNS cluster resolves.</summary>
    public static ImmutableArray<DnsTarget> DnsTargets(ClusterLoadAssignment message, TranslationProblems problems, ConfigPath place, bool isLogical)
    {
        var targets = ImmutableArray.CreateBuilder<DnsTarget>();
        foreach (var (locality, endpoint, path) in Each(message, place))
        {
            if (endpoint.Endpoint.Address?.Pipe is not null)
            {
                problems.Add(path.Field("pipe"), "a Unix domain socket has no name to resolve", "use a STATIC or EDS cluster");
            }
            else if (AddressOf(endpoint.Endpoint.Address, problems, path) is { } socket)
            {
                if (endpoint.Endpoint.AdditionalAddresses.Count > 0)
                {
                    problems.Add(path.Parent!.Field("additional_addresses"), "a name has its addresses from DNS", "leave it out, or use a STATIC or EDS cluster");
                }

                var config = EndpointOf(locality, endpoint, new SocketEndpoint(IPAddress.Any, (int)socket.PortValue), problems, path);
                config = config with { Hostname = config.Hostname.Length > 0 ? config.Hostname : socket.Address, IsLogical = isLogical };

                // There is nothing to fall back on where there is one endpoint: Envoy makes its priority zero too.
                targets.Add(new DnsTarget(socket.Address, isLogical ? config with { Priority = 0 } : config));
            }
        }

        return targets.DrainToImmutable();
    }

    private static EndpointConfig EndpointOf(LocalityLbEndpoints locality, LbEndpoint endpoint, SocketEndpoint address, TranslationProblems problems, ConfigPath path) => new()
    {
        Address = address,
        Hostname = endpoint.Endpoint.Hostname,
        Weight = WeightOf(endpoint, problems, path),
        Priority = (int)locality.Priority,
        Health = HealthOf(endpoint.HealthStatus),
        Locality = TextOf(locality.Locality),
        LocalityWeight = locality.LoadBalancingWeight ?? 0,
        HashKey = HashKeyOf(endpoint.Metadata),
        Metadata = MetadataTranslator.OfEndpoint(endpoint.Metadata),
        TransportSocketMetadata = MetadataTranslator.OfTransportSocket(endpoint.Metadata),
        LocalityTransportSocketMetadata = MetadataTranslator.OfTransportSocket(locality.Metadata),
        HealthCheck = HealthCheckOf(endpoint.Endpoint.HealthCheckConfig, problems, path),
    };

    /// <summary>Reports what makes no sense beside a path.</summary>
    private static void CheckIsPlainPipe(EndpointMessage message, TranslationProblems problems, ConfigPath path)
    {
        // From endpoint.address to its neighbours.
        if (message.AdditionalAddresses.Count > 0)
        {
            problems.Add(path.Parent!.Field("additional_addresses"), "a Unix domain socket has no other addresses", "leave it out");
        }

        if (message.HealthCheckConfig is { PortValue: > 0 } or { Address: not null })
        {
            problems.Add(path.Parent!.Field("health_check_config"), "a Unix domain socket has no port to be checked at instead", "leave out port_value and address");
        }
    }

    private static ValueList<SocketEndpoint> AdditionalOf(EndpointMessage message, TranslationProblems problems, ConfigPath path)
    {
        var addresses = new List<SocketEndpoint>();
        for (var i = 0; i < message.AdditionalAddresses.Count; i++)
        {
            // From endpoint.address to its neighbour.
            var place = path.Parent!.Field("additional_addresses").Index(i).Field("address");
            if (AddressOf(message.AdditionalAddresses[i].Address, problems, place) is not { } socket)
            {
                continue;
            }

            if (IPAddress.TryParse(socket.Address, out var address))
            {
                addresses.Add(new SocketEndpoint(address, (int)socket.PortValue));
            }
            else
            {
                problems.Add(place.Field("address"), $"\"{socket.Address}\" is no IP address", "write an IP address");
            }
        }

        return new ValueList<SocketEndpoint>(addresses);
    }

    private static EndpointHealthCheckConfig HealthCheckOf(EndpointMessage.Types.HealthCheckConfig? message, TranslationProblems problems, ConfigPath path)
    {
        if (message is null)
        {
            return EndpointHealthCheckConfig.Default;
        }

        // From endpoint.address to its neighbour.
        var place = path.Parent!.Field("health_check_config");
        IPAddress? address = null;
        var port = (int)message.PortValue;
        if (message.Address is not null && AddressOf(message.Address, problems, place.Field("address")) is { } socket)
        {
            port = port == 0 ? (int)socket.PortValue : port;
            if (!IPAddress.TryParse(socket.Address, out address))
            {
                problems.Add(place.Field("address"), $"\"{socket.Address}\" is no IP address", "write the IP address where the endpoint is checked");
            }
        }

        if (message.Hostname.Any(char.IsControl))
        {
            problems.Add(place.Field("hostname"), "a host header holds no control characters", "write the name that the endpoint knows itself by");
        }

        return new EndpointHealthCheckConfig { Address = address, Port = port, Hostname = message.Hostname, IsDisabled = message.DisableActiveHealthCheck };
    }

    private static IEnumerable<(LocalityLbEndpoints Locality, LbEndpoint Endpoint, ConfigPath Path)> Each(ClusterLoadAssignment message, ConfigPath? place)
    {
        var root = place ?? ConfigPath.Root;
        for (var i = 0; i < message.Endpoints.Count; i++)
        {
            var locality = message.Endpoints[i];
            for (var j = 0; j < locality.LbEndpoints.Count; j++)
            {
                var path = root.Field("endpoints").Index(i).Field("lb_endpoints").Index(j).Field("endpoint").Field("address");
                yield return (locality, locality.LbEndpoints[j], path);
            }
        }
    }

    private static SocketAddress? AddressOf(Address? address, TranslationProblems problems, ConfigPath path)
    {
        if (address?.SocketAddress is { Protocol: SocketAddress.Types.Protocol.Tcp } socket)
        {
            return socket;
        }

        var isPipe = address?.Pipe is not null;
        problems.Add(
            isPipe ? path.Field("pipe") : path,
            isPipe ? "a Unix domain socket is not supported here" : "only TCP socket addresses are supported", "use socket_address with address and port_value");
        return null;
    }

    private static int WeightOf(LbEndpoint endpoint, TranslationProblems problems, ConfigPath path)
    {
        var weight = endpoint.LoadBalancingWeight ?? 1u;
        if (weight <= int.MaxValue)
        {
            return (int)Math.Max(weight, 1u);
        }

        // From endpoint.address up to what holds the weight.
        problems.Add(path.Parent!.Parent!.Field("load_balancing_weight"), $"{weight} is more than {int.MaxValue}", "divide all weights by the same number");
        return 1;
    }

    private static string HashKeyOf(Envoy.Config.Core.V3.Metadata? metadata) =>
        metadata?.FilterMetadata.TryGetValue("envoy.lb", out var balancing) == true && balancing.Fields.TryGetValue("hash_key", out var key) ? key.StringValue : "";

    private static EndpointHealth HealthOf(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => EndpointHealth.Healthy,
        HealthStatus.Unhealthy => EndpointHealth.Unhealthy,
        HealthStatus.Draining => EndpointHealth.Draining,
        HealthStatus.Timeout => EndpointHealth.Timeout,
        HealthStatus.Degraded => EndpointHealth.Degraded,
        _ => EndpointHealth.Unknown,
    };

    /// <summary>Region, zone and sub-zone, joined by '/'; empty where not known.</summary>
    public static string TextOf(Locality? locality) => locality is null
        ? ""
        : string.Join('/', new[] { locality.Region, locality.Zone, locality.SubZone }.Where(static part => part.Length > 0));
}

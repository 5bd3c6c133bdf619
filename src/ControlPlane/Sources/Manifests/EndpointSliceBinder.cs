using System.Net.Sockets;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Reads an EndpointSlice. Source: the field descriptions of EndpointSlice discovery.k8s.io/v1 in the Kubernetes API reference.</summary>
internal static class EndpointSliceBinder
{
    /// <summary>Kubernetes' own bounds on one slice.</summary>
    private const int MaxEndpoints = 1000;

    private const int MaxPorts = 20_000;

    public static EndpointSlice Bind(FieldReader document, ObjectMeta metadata)
    {
        if (!document.Has("addressType"))
        {
            document.Fault("addressType", "is missing", "say IPv4, IPv6 or FQDN");
        }

        var addressType = document.Word<AddressType>("addressType") ?? AddressType.FQDN;
        var endpoints = BindEndpoints(document, document.Has("addressType") ? addressType : null);
        var ports = BindPorts(document);
        return new EndpointSlice(metadata, addressType, endpoints, ports);
    }

    private static ValueList<SliceEndpoint> BindEndpoints(FieldReader document, AddressType? addressType)
    {
        var readers = document.Mappings("endpoints");
        if (readers.Count > MaxEndpoints)
        {
            document.Fault("endpoints", $"{readers.Count} endpoints are more than the {MaxEndpoints} that a slice may have", "spread them over several slices");
            return default;
        }

        var endpoints = new List<SliceEndpoint>(readers.Count);
        foreach (var reader in readers)
        {
            reader.Ignore("hostname", "targetRef", "nodeName", "zone", "hints", "deprecatedTopology");
            var addresses = reader.Texts("addresses", text => addressType switch
            {
                AddressType.IPv4 => Names.Address(text, AddressFamily.InterNetwork),
                AddressType.IPv6 => Names.Address(text, AddressFamily.InterNetworkV6),
                AddressType.FQDN => Names.Subdomain(text),
                _ => null,
            });
            if (!reader.Has("addresses"))
            {
                reader.Fault("addresses", "is missing", "add at least one address");
            }
            else if (addresses.Count == 0)
            {
                reader.Fault("addresses", "has no address", "add at least one address");
            }

            endpoints.Add(new SliceEndpoint(addresses, BindConditions(reader)));
            reader.Close();
        }

        return endpoints.ToValueList();
    }

    private static EndpointConditions BindConditions(FieldReader endpoint)
    {
        if (endpoint.Mapping("conditions") is not { } reader)
        {
            return default;
        }

        var conditions = new EndpointConditions(reader.Boolean("ready"), reader.Boolean("serving"), reader.Boolean("terminating"));
        reader.Close();
        return conditions;
    }

    private static ValueList<EndpointPort> BindPorts(FieldReader document)
    {
        var readers = document.Mappings("ports");
        if (readers.Count > MaxPorts)
        {
            document.Fault("ports", $"{readers.Count} ports are more than the {MaxPorts} that a slice may have", null);
            return default;
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var ports = new List<EndpointPort>(readers.Count);
        foreach (var reader in readers)
        {
            var name = reader.Text("name", text => text.Length == 0 ? null : Names.Label(text)) ?? "";
            if (!names.Add(name))
            {
                reader.Fault("name", name.Length == 0 ? "only one port may go without a name" : $"the name {name} is taken by an earlier port", "give each port a name of its own");
            }

            ports.Add(new EndpointPort(name, reader.Integer("port", 1, 65535), Protocols.Bind(reader), reader.Text("appProtocol")));
            reader.Close();
        }

        return ports.ToValueList();
    }
}

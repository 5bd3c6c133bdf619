using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Reads a Service. Source: the field descriptions of Service v1 in the Kubernetes API reference.</summary>
internal static class ServiceBinder
{
    public static Service Bind(FieldReader document, ObjectMeta metadata)
    {
        var spec = document.RequiredMapping("spec");
        return new Service(metadata, spec is null ? new ServiceSpec() : BindSpec(spec));
    }

    private static ServiceSpec BindSpec(FieldReader reader)
    {
        reader.Ignore(
            "selector", "clusterIPs", "externalIPs", "sessionAffinity", "sessionAffinityConfig", "loadBalancerIP", "loadBalancerSourceRanges",
            "loadBalancerClass", "externalTrafficPolicy", "internalTrafficPolicy", "healthCheckNodePort", "publishNotReadyAddresses", "ipFamilyPolicy",
            "allocateLoadBalancerNodePorts", "trafficDistribution");
        var spec = new ServiceSpec
        {
            Type = reader.Word<ServiceType>("type") ?? ServiceType.ClusterIP,
            ClusterIP = reader.Text("clusterIP"),
            ExternalName = reader.Text("externalName", text => Names.Subdomain(text.TrimEnd('.').ToLowerInvariant())),
            IPFamilies = reader.Texts("ipFamilies", text => text is "IPv4" or "IPv6" ? null : "must be IPv4 or IPv6"),
            Ports = BindPorts(reader),
        };
        if (spec.Type == ServiceType.ExternalName)
        {
            if (!reader.Has("externalName"))
            {
                reader.Fault("externalName", "is missing", "a Service of type ExternalName needs it");
            }
        }
        else if (spec.Ports.Count == 0 && !spec.IsHeadless && !reader.Has("ports"))
        {
            reader.Fault("ports", "is missing", "add at least one port");
        }

        reader.Close();
        return spec;
    }

    private static ValueList<ServicePort> BindPorts(FieldReader spec)
    {
        var readers = spec.Mappings("ports");
        var ports = new List<ServicePort>();
        foreach (var reader in readers)
        {
            reader.Ignore("nodePort");
            var name = readers.Count > 1 ? reader.RequiredText("name", Names.Label) : reader.Text("name", text => text.Length == 0 ? null : Names.Label(text)) ?? "";
            if (!reader.Has("port"))
            {
                reader.Fault("port", "is missing", "add the port number");
            }

            var number = reader.Integer("port", 1, 65535) ?? 0;
            var protocol = Protocols.Bind(reader);
            var port = new ServicePort(name, number, protocol, reader.Port("targetPort"), reader.Text("appProtocol"));
            if (name.Length > 0 && ports.Exists(other => other.Name == name))
            {
                reader.Fault("name", $"the name {name} is taken by an earlier port", "give each port a name of its own");
            }

            if (number > 0 && ports.Exists(other => other.Port == number && other.Protocol == protocol))
            {
                reader.Fault("port", $"{number} over {protocol} is taken by an earlier port", "remove one of the two");
            }

            ports.Add(port);
            reader.Close();
        }

        return ports.ToValueList();
    }
}

using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Reads an Ingress. Source: the field descriptions of Ingress networking.k8s.io/v1 in the Kubernetes API reference.</summary>
internal static class IngressBinder
{
    public static Ingress Bind(FieldReader document, ObjectMeta metadata)
    {
        var spec = document.RequiredMapping("spec");
        return new Ingress(metadata, spec is null ? new IngressSpec() : BindSpec(spec));
    }

    private static IngressSpec BindSpec(FieldReader reader)
    {
        if (!reader.Has("defaultBackend") && !reader.Has("rules"))
        {
            reader.Fault(null, "has neither rules nor a defaultBackend", "add one of them");
        }

        var spec = new IngressSpec
        {
            IngressClassName = reader.Text("ingressClassName", Names.Subdomain),
            DefaultBackend = reader.Mapping("defaultBackend") is { } backend ? BindBackend(backend) : null,
            Tls = reader.Mappings("tls").Select(BindTls).ToValueList(),
            Rules = reader.Mappings("rules").Select(BindRule).ToValueList(),
        };
        reader.Close();
        return spec;
    }

    private static IngressTls BindTls(FieldReader reader)
    {
        var tls = new IngressTls(reader.Texts("hosts", Names.IngressHost), reader.Text("secretName", Names.Subdomain), reader.Line);
        reader.Close();
        return tls;
    }

    private static IngressRule BindRule(FieldReader reader)
    {
        var host = reader.Text("host", text => text.Length == 0 ? null : Names.IngressHost(text));
        var paths = new List<HttpIngressPath>();
        if (reader.Mapping("http") is { } http)
        {
            if (!http.Has("paths"))
            {
                http.Fault("paths", "is missing", "add at least one path, or leave http out");
            }

            paths.AddRange(http.Mappings("paths").Select(BindPath));
            http.Close();
        }

        reader.Close();
        return new IngressRule(host is { Length: 0 } ? null : host, paths.ToValueList(), reader.Line);
    }

    private static HttpIngressPath BindPath(FieldReader reader)
    {
        if (!reader.Has("pathType"))
        {
            reader.Fault("pathType", "is missing", "say Exact, Prefix or ImplementationSpecific");
        }

        var pathType = reader.Word<PathType>("pathType") ?? PathType.ImplementationSpecific;
        if (pathType != PathType.ImplementationSpecific && !reader.Has("path"))
        {
            reader.Fault("path", "is missing", $"pathType {pathType} needs a path that begins with '/'");
        }

        var path = reader.Text("path", text => CheckPath(text, pathType));
        var backend = reader.RequiredMapping("backend") is { } backendReader ? BindBackend(backendReader) : new IngressBackend(null, null, reader.Line);
        reader.Close();
        return new HttpIngressPath(path is null or "" ? "/" : path, pathType, backend, reader.Line);
    }

    private static string? CheckPath(string path, PathType pathType)
    {
        if (pathType == PathType.ImplementationSpecific && path.Length == 0)
        {
            return null;
        }

        if (!path.StartsWith('/'))
        {
            return "must begin with '/'";
        }

        if (path.AsSpan().ContainsAny('?', '#'))
        {
            return "must be a path alone, without '?' or '#'";
        }

        if (path.AsSpan().ContainsAnyInRange('\0', ' ') || path.AsSpan().ContainsAnyExceptInRange('\0', '~'))
        {
            return "must be printable ASCII without spaces; write other characters in percent form";
        }

        if (pathType == PathType.ImplementationSpecific)
        {
            return null;
        }

        // Of these a normalising proxy never sees a request (Kubernetes' own list for Exact and Prefix).
        string[] sequences = ["//", "/./", "/../", "%2f", "%2F"];
        var bad = Array.Find(sequences, path.Contains) ?? Array.Find(["/..", "/."], path.EndsWith);
        return bad is null ? null : $"must not contain '{bad}'";
    }

    private static IngressBackend BindBackend(FieldReader reader)
    {
        if (reader.Has("service") == reader.Has("resource"))
        {
            reader.Fault(null, reader.Has("service") ? "has both a service and a resource" : "has neither a service nor a resource", "name exactly one service");
        }

        var service = reader.Mapping("service") is { } serviceReader ? BindService(serviceReader) : null;
        var resource = reader.Mapping("resource") is { } resourceReader ? BindResource(resourceReader) : null;
        reader.Close();
        return new IngressBackend(service, resource, reader.Line);
    }

    private static IngressServiceBackend BindService(FieldReader reader)
    {
        var name = reader.RequiredText("name", Names.ServiceLabel);
        var port = new PortReference(null, 0);
        if (reader.RequiredMapping("port") is { } portReader)
        {
            if (portReader.Has("name") == portReader.Has("number"))
            {
                portReader.Fault(null, portReader.Has("name") ? "has both a name and a number" : "has neither a name nor a number", "give exactly one of the two");
            }

            var portName = portReader.Text("name", Names.Label);
            var number = portReader.Integer("number", 1, 65535);
            port = new PortReference(portName, portName is null ? number ?? 0 : null);
            portReader.Close();
        }

        reader.Close();
        return new IngressServiceBackend(name, port);
    }

    private static string BindResource(FieldReader reader)
    {
        reader.Ignore("apiGroup");
        var text = $"{reader.RequiredText("kind")}/{reader.RequiredText("name")}";
        reader.Close();
        return text;
    }
}

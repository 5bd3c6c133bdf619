using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Reads an IngressClass. Source: the field descriptions of IngressClass networking.k8s.io/v1 in the Kubernetes API reference.</summary>
internal static class IngressClassBinder
{
    public static IngressClass Bind(FieldReader document, ObjectMeta metadata)
    {
        string? controller = null;
        if (document.RequiredMapping("spec") is { } spec)
        {
            spec.Ignore("parameters");
            controller = spec.Text("controller", text => text.Length <= 250 && text.Contains('/', StringComparison.Ordinal)
                ? null
                : "must be a domain and a path, such as example.com/ingress-controller");
            spec.Close();
        }

        return new IngressClass(metadata, controller);
    }
}

using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>All certificates of one generation: they come from one authority and are replaced together, or one after the other.</summary>
internal sealed class Identity
{
    private readonly TestAuthority _root;

    public Identity(string name)
    {
        _root = TestAuthority.Root(name);
        var middle = _root.Intermediate(name + " Intermediate");
        (Web, Client) = (middle.Issue(null, "web.test"), middle.Issue(null, "uri:spiffe://mesh.test/client"));
        (Endpoint, Proxy) = (middle.Issue(null, "backend.test"), middle.Issue(null, "uri:spiffe://mesh.test/proxy"));
    }

    /// <summary>The root, in PEM.</summary>
    public string Authority => _root.Pem;

    /// <summary>What the proxy shows to clients.</summary>
    public TestCertificate Web { get; }

    /// <summary>What clients show to the proxy.</summary>
    public TestCertificate Client { get; }

    /// <summary>What the endpoint shows to the proxy.</summary>
    public TestCertificate Endpoint { get; }

    /// <summary>What the proxy shows to the endpoint.</summary>
    public TestCertificate Proxy { get; }
}

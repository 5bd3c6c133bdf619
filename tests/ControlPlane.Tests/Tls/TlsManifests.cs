using System.Text;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Manifests;
using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.ControlPlane.Tests.Tls;

/// <summary>Manifests with certificates, as files that may change.</summary>
internal sealed class TlsManifests
{
    private readonly ManifestSet _manifests = new();

    public ObjectStore Objects { get; } = new(TimeProvider.System);

    /// <summary>What is wrong in the files.</summary>
    public IEnumerable<Diagnostic> Diagnostics => _manifests.Diagnostics;

    public void Write(string file, string text) =>
        Objects.Apply(_manifests.Apply([new KeyValuePair<string, ManifestContent?>(file, ManifestReader.Parse(file, Encoding.UTF8.GetBytes(text)))]));

    public static string Secret(string name, string certificates, string key, string type = "kubernetes.io/tls") =>
        $"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: {type}\ndata:\n  tls.crt: {Base64(certificates)}\n  tls.key: {Base64(key)}\n";

    public static string Secret(string name, TestCertificate certificate) => Secret(name, certificate.Chain, certificate.Key);

    /// <summary>An Ingress for hosts that all have the rule "/", with a <c>tls</c> entry for each.</summary>
    public static string Ingress(string name, params (string Host, string? Secret)[] hosts) =>
        $"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}}}\nspec:\n  tls:\n"
        + string.Concat(hosts.Select(static host => $"    - {{hosts: [\"{host.Host}\"]{(host.Secret is null ? "" : $", secretName: {host.Secret}")}}}\n"))
        + "  rules:\n"
        + string.Concat(hosts.Select(static host =>
            $"    - {{host: \"{host.Host}\", http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}}}\n"));

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}

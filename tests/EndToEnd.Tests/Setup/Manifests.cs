namespace KubeProxyNet.EndToEnd.Tests.Setup;

/// <summary>Texts of Kubernetes objects, as a user would write them.</summary>
internal static class Manifests
{
    /// <summary>A Service with one port, "http" on 80.</summary>
    public static string Service(string name) => $"""
        apiVersion: v1
        kind: Service
        metadata:
          name: {name}
        spec:
          ports:
            - name: http
              port: 80
        """;

    /// <summary>The one EndpointSlice of a Service: backends on 127.0.0.1, all on their own ports, so a slice for each port.</summary>
    public static string EndpointSlices(string service, params int[] ports) => string.Join("\n---\n", ports.Select(port => $"""
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata:
          name: {service}-{port}
          labels:
            kubernetes.io/service-name: {service}
        addressType: IPv4
        endpoints:
          - addresses: [127.0.0.1]
            conditions:
              ready: true
        ports:
          - name: http
            port: {port}
        """));

    /// <summary>An EndpointSlice file that is there but gives a Service no endpoint.</summary>
    public static string NoEndpoints(string service) => $"""
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata:
          name: {service}-none
          labels:
            kubernetes.io/service-name: {service}
        addressType: IPv4
        endpoints: []
        ports: []
        """;

    /// <summary>An Ingress with one rule: a host, and path prefixes with their Services.</summary>
    public static string Ingress(string name, string host, params (string Path, string Service)[] paths) => $"""
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          name: {name}
        spec:
          rules:
            - host: "{host}"
              http:
                paths:
        {string.Join('\n', paths.Select(path => $$"""
                  - path: {{path.Path}}
                    pathType: Prefix
                    backend: { service: { name: {{path.Service}}, port: { name: http } } }
        """))}
        """;

    /// <summary>An Ingress for a host with a certificate, to one Service.</summary>
    public static string SecureIngress(string host, string secret, string service) => $$"""
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          name: {{host}}
        spec:
          tls:
            - { hosts: ["{{host}}"], secretName: {{secret}} }
          rules:
            - host: "{{host}}"
              http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: {{service}}, port: { name: http } } } } ] }
        """;

    /// <summary>A Secret with a certificate and a key.</summary>
    public static string TlsSecret(string name, string certificates, string key) => $$"""
        apiVersion: v1
        kind: Secret
        metadata:
          name: {{name}}
        type: kubernetes.io/tls
        data:
          tls.crt: {{Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(certificates))}}
          tls.key: {{Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(key))}}
        """;

    /// <summary>A Service with its endpoints and an Ingress for a host of its own, in one file.</summary>
    public static string Application(string name, string host, params int[] ports) =>
        string.Join("\n---\n", Service(name), EndpointSlices(name, ports), Ingress(name, host, ("/", name)));
}

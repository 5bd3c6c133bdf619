using System.Text;
using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Sources.Manifests;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>What the reader says about manifests that are wrong: always the file, the line, the object, the field and the fault.</summary>
public sealed class BadManifestTests
{
    private const string GoodPorts = "ports: [{port: 80}]";

    public static TheoryData<string, string, string> Errors => new()
    {
        // What the document is
        { "not a mapping", "- a\n- b\n", "m.yaml:1:1: error: is not a Kubernetes object" },
        { "no kind", "apiVersion: v1\nmetadata: {name: a}\n", "m.yaml:1:1: error: kind: is missing or not a text" },
        { "no apiVersion", "kind: Service\nmetadata: {name: a}\n", "m.yaml:1:1: error: apiVersion: is missing or not a text" },
        { "bad YAML", "apiVersion: v1\nkind: [Service\n", "m.yaml:3" },
        { "list of text", "apiVersion: v1\nkind: List\nitems: text\n", "m.yaml:3:8: error: items: must be a list of objects" },
        { "old version", "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n", "m.yaml:1:13: error: Ingress default/a: apiVersion: extensions/v1beta1 is not supported; write it as networking.k8s.io/v1" },

        // Metadata
        { "no metadata", "apiVersion: v1\nkind: Service\nspec: {}\n", "m.yaml:1:1: error: Service (unnamed): metadata: is missing" },
        { "no name", "apiVersion: v1\nkind: Service\nmetadata: {}\n", "m.yaml:3:11: error: Service (unnamed): metadata.name: is missing" },
        { "bad name", "apiVersion: v1\nkind: Service\nmetadata: {name: My_Service}\n", "m.yaml:3:18: error: Service (unnamed): metadata.name: \"My_Service\" must be 1 to 63" },
        { "number as name", "apiVersion: v1\nkind: Service\nmetadata: {name: 12}\n", "metadata.name: must be text, not 12; put it in quotes" },
        { "bad namespace", "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: a.b}\n", "metadata.namespace: \"a.b\" must be" },
        { "label of a wrong type", Service("a", GoodPorts, "labels: {x: true}"), "error: Service default/a: metadata.labels.x: must be text, not true; put it in quotes" },
        { "bad time", Service("a", GoodPorts, "creationTimestamp: yesterday"), "metadata.creationTimestamp: \"yesterday\" must be a time such as" },

        // Service
        { "no spec", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", "m.yaml:1:1: error: Service default/a: spec: is missing" },
        { "no ports", Service("a", "selector: {}"), "spec.ports: is missing" },
        { "port too large", Service("a", "ports: [{port: 65536}]"), "spec.ports[0].port: 65536 is not between 1 and 65535" },
        { "port zero", Service("a", "ports: [{port: 0}]"), "spec.ports[0].port: 0 is not between" },
        { "port as text", Service("a", "ports: [{port: \"80\"}]"), "spec.ports[0].port: must be a whole number, not the text \"80\"; write it without quotes" },
        { "fractional port", Service("a", "ports: [{port: 80.5}]"), "spec.ports[0].port: must be a whole number, not 80.5" },
        { "port missing", Service("a", "ports: [{name: http}]"), "spec.ports[0].port: is missing" },
        { "two ports without names", Service("a", "ports: [{port: 80}, {port: 81}]"), "spec.ports[0].name: is missing" },
        { "two ports of one name", Service("a", "ports: [{name: x, port: 80}, {name: x, port: 81}]"), "spec.ports[1].name: the name x is taken" },
        { "two ports of one number", Service("a", "ports: [{name: x, port: 80}, {name: y, port: 80}]"), "spec.ports[1].port: 80 over TCP is taken" },
        { "bad port name", Service("a", "ports: [{name: HTTP, port: 80}]"), "spec.ports[0].name: \"HTTP\" must be" },
        { "bad protocol", Service("a", "ports: [{port: 80, protocol: HTTP}]"), "spec.ports[0].protocol: \"HTTP\" must be TCP, UDP or SCTP" },
        { "bad target port", Service("a", "ports: [{port: 80, targetPort: \"8080\"}]"), "spec.ports[0].targetPort: \"8080\" must be 1 to 15" },
        { "bad type", Service("a", "type: Headless\n  ports: [{port: 80}]"), "spec.type: \"Headless\" must be one of ClusterIP, NodePort, LoadBalancer, ExternalName" },
        { "ExternalName without name", Service("a", "type: ExternalName"), "spec.externalName: is missing" },
        { "ports of a wrong type", Service("a", "ports: 80"), "spec.ports: must be a list, not 80" },
        { "port of a wrong type", Service("a", "ports: [80]"), "spec.ports[0]: must be a mapping, not 80" },

        // EndpointSlice
        { "no addressType", Slice("endpoints: []"), "EndpointSlice default/a: addressType: is missing; say IPv4, IPv6 or FQDN" },
        { "bad addressType", Slice("addressType: IP"), "addressType: \"IP\" must be one of IPv4, IPv6, FQDN" },
        { "bad address", Slice("addressType: IPv4\nendpoints: [{addresses: [web]}]"), "endpoints[0].addresses[0]: \"web\" must be an IPv4 address" },
        { "octal address", Slice("addressType: IPv4\nendpoints: [{addresses: [10.0.0.010]}]"), "must be an IPv4 address of four plain decimal numbers" },
        { "short address", Slice("addressType: IPv4\nendpoints: [{addresses: [\"127.1\"]}]"), "must be an IPv4 address of four plain decimal numbers" },
        { "address of the other family", Slice("addressType: IPv6\nendpoints: [{addresses: [10.0.0.1]}]"), "\"10.0.0.1\" must be an IPv6 address" },
        { "unspecified address", Slice("addressType: IPv4\nendpoints: [{addresses: [0.0.0.0]}]"), "must not be an unspecified, link-local or multicast address" },
        { "no address", Slice("addressType: IPv4\nendpoints: [{addresses: []}]"), "endpoints[0].addresses: has no address" },
        { "addresses missing", Slice("addressType: IPv4\nendpoints: [{}]"), "endpoints[0].addresses: is missing" },
        { "condition as text", Slice("addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: \"yes\"}}]"), "endpoints[0].conditions.ready: must be true or false, not the text \"yes\"" },
        { "two nameless ports", Slice("addressType: IPv4\nports: [{port: 1}, {port: 2}]"), "ports[1].name: only one port may go without a name" },

        // Ingress
        { "neither rules nor default", Ingress("{}"), "Ingress default/a: spec: has neither rules nor a defaultBackend" },
        { "path without slash", Path("path: foo, pathType: Prefix"), "spec.rules[0].http.paths[0].path: \"foo\" must begin with '/'" },
        { "path with double slash", Path("path: /a//b, pathType: Exact"), "must not contain '//'" },
        { "path with dots", Path("path: /a/.., pathType: Exact"), "must not contain '/..'" },
        { "path with query", Path("path: '/a?b', pathType: ImplementationSpecific"), "must be a path alone" },
        { "path with space", Path("path: /a b, pathType: ImplementationSpecific"), "must be printable ASCII" },
        { "path missing", Path("pathType: Prefix"), "spec.rules[0].http.paths[0].path: is missing; pathType Prefix needs a path that begins with '/'" },
        { "pathType missing", Path("path: /"), "spec.rules[0].http.paths[0].pathType: is missing" },
        { "pathType wrong", Path("path: /, pathType: prefix"), "pathType: \"prefix\" must be one of Exact, Prefix, ImplementationSpecific" },
        { "host is an address", Ingress("{rules: [{host: 10.0.0.1}]}"), "spec.rules[0].host: \"10.0.0.1\" must be a DNS name, not an IP address" },
        { "host with port", Ingress("{rules: [{host: \"a.com:80\"}]}"), "spec.rules[0].host: \"a.com:80\" must be at most 253 characters" },
        { "wildcard inside", Ingress("{rules: [{host: \"a.*.com\"}]}"), "may have a wildcard only as its whole first label" },
        { "wildcard with text", Ingress("{rules: [{host: \"*a.com\"}]}"), "may have a wildcard only as its whole first label" },
        { "bare wildcard", Ingress("{rules: [{host: \"*\"}]}"), "may have a wildcard only as its whole first label" },
        { "http without paths", Ingress("{rules: [{http: {}}]}"), "spec.rules[0].http.paths: is missing" },
        { "backend missing", Ingress("{rules: [{http: {paths: [{path: /, pathType: Prefix}]}}]}"), "spec.rules[0].http.paths[0].backend: is missing" },
        { "backend empty", Ingress("{defaultBackend: {}}"), "spec.defaultBackend: has neither a service nor a resource" },
        { "backend of both kinds", Ingress("{defaultBackend: {service: {name: a, port: {number: 1}}, resource: {kind: B, name: b}}}"), "spec.defaultBackend: has both a service and a resource" },
        { "backend without port", Ingress("{defaultBackend: {service: {name: a}}}"), "spec.defaultBackend.service.port: is missing" },
        { "backend port empty", Ingress("{defaultBackend: {service: {name: a, port: {}}}}"), "spec.defaultBackend.service.port: has neither a name nor a number" },
        { "backend port twice", Ingress("{defaultBackend: {service: {name: a, port: {name: a, number: 1}}}}"), "spec.defaultBackend.service.port: has both a name and a number" },

        // IngressClass
        { "bad controller", "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: a}\nspec: {controller: ours}\n", "m.yaml:4:20: error: IngressClass a: spec.controller: \"ours\" must be a domain and a path" },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void A_wrong_manifest_is_refused_with_its_place_object_field_and_fault(string what, string manifest, string expected)
    {
        var content = ManifestReader.Parse("m.yaml", Encoding.UTF8.GetBytes(manifest));

        content.Objects.Should().BeEmpty(what);
        content.Diagnostics.Select(diagnostic => diagnostic.ToString()).Should().Contain(line => line.Contains(expected) && line.Contains("error"), what);
    }

    [Fact]
    public void Every_fault_of_an_object_is_reported_at_once()
    {
        var content = ManifestReader.Parse("m.yaml", Encoding.UTF8.GetBytes(Service("a", "type: Wrong\n  ports: [{port: 0, protocol: X}]")));

        content.Diagnostics.Select(diagnostic => diagnostic.Field).Should().Equal("spec.type", "spec.ports[0].port", "spec.ports[0].protocol");
    }

    [Fact]
    public void An_unknown_field_is_a_warning_and_the_object_is_used()
    {
        var content = ManifestReader.Parse("m.yaml", Encoding.UTF8.GetBytes(Service("a", "ports: [{port: 80, tragetPort: 8080}]")));

        content.Objects.Should().ContainSingle();
        content.Diagnostics.Should().ContainSingle()
            .Which.ToString().Should().StartWith("m.yaml:5:22: warning: Service default/a: spec.ports[0].tragetPort: this field is unknown");
    }

    [Fact]
    public void A_syntax_error_in_one_document_leaves_the_others_good()
    {
        var content = ManifestReader.Parse("m.yaml", Encoding.UTF8.GetBytes($"{Service("a", GoodPorts)}---\nkind: [\n---\n{Service("b", GoodPorts)}"));

        content.Objects.Select(item => item.Metadata.Name).Should().BeEquivalentTo("a", "b");
        content.IsComplete.Should().BeFalse();
    }

    [Fact]
    public void An_object_twice_in_one_file_is_an_error_and_the_first_is_used()
    {
        var content = ManifestReader.Parse("m.yaml", Encoding.UTF8.GetBytes($"{Service("a", GoodPorts)}---\n{Service("a", "ports: [{port: 81}]")}"));

        content.Objects.Should().ContainSingle();
        content.Diagnostics.Should().ContainSingle().Which.Message.Should().Contain("stands in this file already, at line 1");
    }

    [Fact]
    public void Loopback_addresses_are_allowed_so_that_a_backend_may_run_on_this_machine()
    {
        var content = ManifestReader.Parse("m.yaml", Encoding.UTF8.GetBytes(Slice("addressType: IPv6\nendpoints: [{addresses: [\"::1\"]}]")));

        content.Diagnostics.Should().BeEmpty();
        content.Objects.Should().ContainSingle();
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_an_error_that_names_it()
    {
        var content = ManifestReader.Read("/nowhere/at/all.yaml");

        content.IsComplete.Should().BeFalse();
        content.Diagnostics.Should().ContainSingle().Which.ToString().Should().StartWith("/nowhere/at/all.yaml: error: ");
    }

    private static string Service(string name, string spec, string metadata = "") =>
        $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}{(metadata.Length == 0 ? "" : ", " + metadata)}}}\nspec:\n  {spec}\n";

    private static string Slice(string fields) => $"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: a}}\n{fields}\n";

    private static string Ingress(string spec) => $"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: a}}\nspec: {spec}\n";

    private static string Path(string fields) =>
        Ingress($"{{rules: [{{http: {{paths: [{{{fields}, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]}}");
}

using System.Net;
using AwesomeAssertions;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using KubeProxyNet.ControlPlane.Serving;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Testing;
using KubeProxyNet.Xds;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>The whole way, from files to a proxy's stream over a real socket.</summary>
public sealed class ControlPlaneServerTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kpn-control-plane-").FullName;
    private readonly RecordedLog _log = new();
    private readonly ControlPlaneServer _server;

    public ControlPlaneServerTests() => _server = new ControlPlaneServer(
        new ControlPlaneOptions
        {
            ManifestFolder = _folder,
            XdsAddress = new IPEndPoint(IPAddress.Loopback, 0),
            Translation = new TranslationOptions { HttpAddress = "127.0.0.1", HttpPort = 18080 },
        },
        _log);

    public async ValueTask InitializeAsync()
    {
        Write("web.yaml", Service("web") + Slice("web", "10.0.0.1"));
        Write("api.yaml", Service("api") + Slice("api", "10.0.1.1"));
        Write("ingress.yaml", Ingress("web", "api"));
        await _server.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_proxy_gets_clusters_endpoints_the_listener_and_its_routes()
    {
        await using var proxy = new AdsConnection(_server.Address);

        await proxy.SubscribeAsync(XdsTypeUrls.Cluster);
        var clusters = await proxy.ReceiveAsync();
        await proxy.AcceptAsync(clusters);
        await proxy.SubscribeAsync(XdsTypeUrls.ClusterLoadAssignment, "default/api/80", "default/web/80");
        var endpoints = await proxy.ReceiveAsync();
        await proxy.AcceptAsync(endpoints, "default/api/80", "default/web/80");
        await proxy.SubscribeAsync(XdsTypeUrls.Listener);
        var listeners = await proxy.ReceiveAsync();
        await proxy.AcceptAsync(listeners);
        await proxy.SubscribeAsync(XdsTypeUrls.RouteConfiguration, "ingress_http");
        var routes = await proxy.ReceiveAsync();

        clusters.Resources.Should().HaveCount(2);
        endpoints.Resources.Should().HaveCount(2);
        listeners.Resources.Should().ContainSingle().Which.Unpack<Listener>().Address.SocketAddress.PortValue.Should().Be(18080);
        routes.Resources.Should().ContainSingle().Which.Unpack<RouteConfiguration>().VirtualHosts.Should().ContainSingle();
    }

    [Fact]
    public async Task A_changed_endpoint_sends_the_one_load_assignment_that_changed()
    {
        await using var proxy = new AdsConnection(_server.Address);
        string[] names = ["default/api/80", "default/web/80"];
        await proxy.SubscribeAsync(XdsTypeUrls.ClusterLoadAssignment, names);
        await proxy.AcceptAsync(await proxy.ReceiveAsync(), names);

        Write("web.yaml", Service("web") + Slice("web", "10.0.0.2"));
        var response = await proxy.ReceiveAsync();

        var assignment = response.Resources.Should().ContainSingle().Which.Unpack<ClusterLoadAssignment>();
        assignment.ClusterName.Should().Be("default/web/80");
        assignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.Address.Should().Be("10.0.0.2");
    }

    [Fact]
    public async Task A_Service_that_appears_gives_the_cluster_that_routes_named_already_its_endpoints()
    {
        Write("ingress.yaml", Ingress("web", "late"));
        await using var proxy = new AdsConnection(_server.Address);
        await Until(change => change.Diagnostic.Reason == DiagnosticReason.ServiceNotFound);
        await proxy.SubscribeAsync(XdsTypeUrls.ClusterLoadAssignment, "default/late/80");
        var before = await proxy.ReceiveAsync();
        await proxy.AcceptAsync(before, "default/late/80");

        Write("late.yaml", Service("late") + Slice("late", "10.0.2.1"));
        var now = await proxy.ReceiveAsync();

        before.Resources[0].Unpack<ClusterLoadAssignment>().Endpoints.Should().BeEmpty();
        now.Resources[0].Unpack<ClusterLoadAssignment>().Endpoints.Should().ContainSingle();
    }

    [Fact]
    public async Task A_rejection_is_recorded_and_logged_once_with_the_proxy_the_type_and_the_reason()
    {
        await RejectTheListenerAsync();
        await RejectTheListenerAsync();

        _log.Lines.Where(line => line.Contains("rejected")).Should().ContainSingle()
            .Which.Should().Be("Warning: Proxy proxy-1 rejected Listener and keeps what it has: port 18080 is in use");
    }

    [Fact]
    public async Task A_bad_manifest_reaches_the_readers_of_diagnostics_and_the_log_and_no_proxy()
    {
        Write("web.yaml", Service("web").Replace("80", "eighty") + Slice("web", "10.0.0.9"));

        var bad = await Until(change => change.Diagnostic.Severity == DiagnosticSeverity.Error);
        bad.Diagnostic.ToString().Should().Contain("web.yaml:4").And.Contain("Service default/web: spec.ports[0].port");
        _log.Lines.Should().Contain(line => line.StartsWith("Error: ") && line.Contains("web.yaml:4"));

        Write("web.yaml", Service("web") + Slice("web", "10.0.0.9"));
        var resolved = await Until(change => change.IsResolved);
        resolved.Diagnostic.Should().Be(bad.Diagnostic);
    }

    [Fact]
    public async Task The_delta_variant_is_answered_with_unimplemented()
    {
        await using var proxy = new AdsConnection(_server.Address);
        using var delta = proxy.Client.DeltaAggregatedResources(cancellationToken: TestContext.Current.CancellationToken);

        var read = () => delta.ResponseStream.MoveNext(TestContext.Current.CancellationToken);

        (await read.Should().ThrowAsync<RpcException>()).Which.StatusCode.Should().Be(StatusCode.Unimplemented);
    }

    [Fact]
    public async Task A_first_request_without_a_node_ends_the_stream()
    {
        await using var proxy = new AdsConnection(_server.Address);
        await proxy.AcceptAsync(new DiscoveryResponse { TypeUrl = XdsTypeUrls.Cluster });

        var read = proxy.ReceiveAsync;

        (await read.Should().ThrowAsync<RpcException>()).Which.StatusCode.Should().Be(StatusCode.InvalidArgument);
    }

    [Fact]
    public async Task A_control_plane_that_stops_ends_its_streams()
    {
        await using var proxy = new AdsConnection(_server.Address);
        await proxy.SubscribeAsync(XdsTypeUrls.Cluster);
        await proxy.AcceptAsync(await proxy.ReceiveAsync());
        var read = proxy.ReceiveAsync();

        await _server.DisposeAsync();

        // "Unavailable", or, when the connection is closed before the client has read that far, "Internal".
        await read.Awaiting(task => task).Should().ThrowAsync<RpcException>();
    }

    [Fact]
    public async Task An_address_in_use_is_a_clear_error()
    {
        await using var second = new ControlPlaneServer(new ControlPlaneOptions { ManifestFolder = _folder, XdsAddress = _server.Address }, _log);

        var start = () => second.StartAsync(TestContext.Current.CancellationToken);

        (await start.Should().ThrowAsync<IOException>()).WithMessage($"the xDS address {_server.Address} cannot be bound*choose another address*");
    }

    private async Task RejectTheListenerAsync()
    {
        await using (var proxy = new AdsConnection(_server.Address))
        {
            await proxy.SubscribeAsync(XdsTypeUrls.Listener);
            await proxy.RejectAsync(await proxy.ReceiveAsync(), "port 18080 is\nin use");

            // The answer to a later request says that the rejection was taken in.
            await proxy.SubscribeAsync(XdsTypeUrls.RouteConfiguration, "ingress_http");
            await proxy.ReceiveAsync();
            _server.Proxies.Should().ContainSingle().Which.Types[XdsTypeUrls.Listener].RejectionReason.Should().Be("port 18080 is in use");
        }

        await Patience.UntilAsync(() => _server.Proxies.Count == 0, "the server saw that the proxy is gone", TestContext.Current.CancellationToken);
    }

    private async Task<DiagnosticChange> Until(Func<DiagnosticChange, bool> condition)
    {
        await foreach (var change in _server.Diagnostics.ReadAsync(TestContext.Current.CancellationToken))
        {
            if (condition(change))
            {
                return change;
            }
        }

        throw new InvalidOperationException("the stream of diagnostics ended");
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder, file), text);

    private static string Service(string name) => $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 80}}]}}\n";

    private static string Slice(string service, string address) =>
        $"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {service}-1, labels: {{kubernetes.io/service-name: {service}}}}}\n"
        + $"addressType: IPv4\nendpoints: [{{addresses: [{address}]}}]\nports: [{{port: 8080}}]\n";

    private static string Ingress(params string[] services) =>
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: all}\nspec:\n  rules:\n    - http:\n        paths:\n"
        + string.Concat(services.Select(service =>
            $"          - {{path: /{service}, pathType: Prefix, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}\n"));
}

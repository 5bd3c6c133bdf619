using AwesomeAssertions;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Testing.Tls;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>Secrets from a service of their own, beside any aggregated stream (<c>api_config_source</c>), to a proxy process with real peers on both sides.</summary>
public sealed class SecretServiceTests
{
    private static readonly Identity First = new("First");
    private static readonly Identity Second = new("Second");

    [Theory]
    [InlineData("GRPC")]
    [InlineData("DELTA_GRPC")]
    public async Task Secrets_come_change_and_are_refused_by_name(string kind)
    {
        await using var service = await ScriptedSecretService.StartAsync();
        await using var proxy = Start(service.Port, kind);
        await service.WaitForRequestAsync(static request => request.Names.Count == 4, "one subscription to all four");
        (await service.PushAsync("1", All(First))).Error.Should().BeEmpty();
        await proxy.ReadyAsync();
        (await AskAsync(proxy)).Should().Be(200);

        (await service.PushAsync("2", Secrets.Certificate("web", Second.Web))).Error.Should().BeEmpty();
        await proxy.WaitForCertificateAsync(Second, Second.Authority, First);

        (await service.PushAsync("3", Secrets.Certificate("web", Second.Web, First.Web.Key))).Error.Should().Contain("web").And.Contain("is not the key of the certificate").And.NotContain("PRIVATE KEY");
        (await SerialAsync(proxy, Second)).Should().Be(Serial(Second));
        (await proxy.AdminAsync("/certs")).Should().Contain("is not the key of the certificate");
        (await proxy.StatAsync("sds.web.update_success")).Should().Be(2);
        (await proxy.StatAsync("sds.web.update_rejected")).Should().Be(1);
        (await proxy.StatAsync("sds.web.control_plane.connected_state")).Should().Be(1);
        (await proxy.AdminAsync("/config_dump?resource=dynamic_active_secrets")).Should().Contain("\"version_info\": \"2\"").And.Contain("error_state").And.NotContain("PRIVATE KEY");

        (await service.PushAsync("4", Secrets.Certificate("web", First.Web))).Error.Should().BeEmpty();
        await proxy.WaitForCertificateAsync(First, First.Authority, First);
        (await proxy.AdminAsync("/certs")).Should().NotContain("refused");
    }

    [Theory]
    [InlineData("GRPC")]
    [InlineData("DELTA_GRPC")]
    public async Task A_service_that_is_killed_changes_nothing_and_is_heard_again_when_it_returns(string kind)
    {
        var service = await ScriptedSecretService.StartAsync();
        await using var proxy = Start(service.Port, kind);
        (await service.PushAsync("1", All(First))).Error.Should().BeEmpty();
        await proxy.ReadyAsync();
        await service.DisposeAsync();
        await proxy.Process.WaitForLineAsync("no secret discovery service at");
        await Patience.UntilAsync(async () => await proxy.StatAsync("sds.web.update_failure") > 1, "more than one attempt");
        (await proxy.StatAsync("sds.web.control_plane.connected_state")).Should().Be(0);
        (await AskAsync(proxy)).Should().Be(200);

        await using var returned = await ScriptedSecretService.StartAsync(service.Port);
        (await returned.PushAsync("2", Secrets.Certificate("web", Second.Web))).Error.Should().BeEmpty();
        await proxy.Process.WaitForLineAsync("answers again");
        await proxy.WaitForCertificateAsync(Second, First.Authority + Second.Authority, First);
        var asked = returned.Requests[0];
        asked.Names.Should().BeEquivalentTo("web", "clients", "proxy", "servers");
        asked.Versions.Should().HaveCount(kind == "DELTA_GRPC" ? 4 : 0, "it says what it has");
        (await proxy.StatAsync("sds.web.control_plane.connected_state")).Should().Be(1);
    }

    [Fact]
    public async Task A_service_that_does_not_answer_is_waited_for_only_so_long()
    {
        await using var service = await ScriptedSecretService.StartAsync();
        await using var proxy = Start(service.Port, "GRPC", ", initial_fetch_timeout: 0.2s");
        await proxy.ReadyAsync();
        (await proxy.StatAsync("sds.web.init_fetch_timeout")).Should().Be(1);
        var ask = () => AskAsync(proxy);
        await ask.Should().ThrowAsync<IOException>("its connections fail until the secret comes");

        (await service.PushAsync("1", All(First))).Error.Should().BeEmpty();
        await Patience.UntilAsync(
            async () =>
            {
                try
                {
                    return await AskAsync(proxy) == 200;
                }
                catch (IOException)
                {
                    return false;
                }
            },
            "an answer");
    }

    [Fact]
    public async Task A_service_behind_a_socket_of_the_file_system_is_asked()
    {
        using var folder = new TempFolder();
        await using var service = await ScriptedSecretService.StartAsync(socketPath: folder.File("sds.sock"));
        service.Hold("1", All(First));
        await using var proxy = MutualProxy.Start(First, (_, _) => Source("GRPC", $"google_grpc: {{ target_uri: \"unix:{folder.File("sds.sock")}\", stat_prefix: sds }}"));
        await proxy.ReadyAsync();
        (await AskAsync(proxy)).Should().Be(200);
    }

    [Fact]
    public async Task A_cluster_whose_endpoint_is_a_socket_of_the_file_system_is_asked()
    {
        using var folder = new TempFolder();
        await using var service = await ScriptedSecretService.StartAsync(socketPath: folder.File("sds.sock"));
        service.Hold("1", All(First));
        await using var proxy = MutualProxy.Start(
            First,
            (_, _) => Source("GRPC", "envoy_grpc: { cluster_name: sds }"),
            cluster: $$"""{ name: sds, type: STATIC, load_assignment: { cluster_name: sds, endpoints: [ { lb_endpoints: [ { endpoint: { address: { pipe: { path: {{folder.File("sds.sock")}} } } } } ] } ] } }""");
        await proxy.ReadyAsync();
        (await AskAsync(proxy)).Should().Be(200);
    }

    [Fact]
    public async Task A_service_is_spoken_to_by_mutual_tls()
    {
        await using var service = await ScriptedSecretService.StartAsync(configure: static listen => listen.UseMutualTls(First.Endpoint, First.Proxy));
        service.Hold("1", All(First));
        using var folder = new TempFolder();
        await using var proxy = Start(service.Port, "GRPC", socket: $$"""
            , transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: backend.test, common_tls_context: { tls_certificates: [ { certificate_chain: { filename: {{folder.Write("proxy.pem", First.Proxy.Chain)}} }, private_key: { filename: {{folder.Write("proxy.key", First.Proxy.Key)}} } } ], validation_context: { trusted_ca: { filename: {{folder.Write("ca.pem", First.Authority)}} } } } } }
            """.Trim());
        await proxy.ReadyAsync();
        (await AskAsync(proxy)).Should().Be(200);
    }

    [Fact]
    public async Task A_service_that_nobody_asks_any_more_is_left_and_asked_again_when_somebody_does()
    {
        await using var service = await ScriptedSecretService.StartAsync();
        service.Hold("1", Secrets.Authorities("ca", First.Authority));
        using var folder = new TempFolder();
        var adminPort = FreePort.Take();
        void Write(string clusters)
        {
            folder.Write("cds.new", $"resources: [ {clusters} ]\n");
            File.Move(folder.File("cds.new"), folder.File("cds.yaml"), overwrite: true);
        }

        var cluster = $$"""{ "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a, type: STATIC, load_assignment: { cluster_name: a }, transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: a.test, common_tls_context: { validation_context_sds_secret_config: { name: ca, sds_config: {{Source("DELTA_GRPC", "envoy_grpc: { cluster_name: sds }")}} } } } } }""";
        Write(cluster);
        await using var proxy = ChildProcess.StartKpn("proxy", "-c", folder.Write("envoy.yaml", $$"""
            node: { id: test-proxy, cluster: test }
            admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{adminPort}} } } }
            dynamic_resources: { cds_config: { path_config_source: { path: {{folder.File("cds.yaml")}} }, resource_api_version: V3 } }
            static_resources: { clusters: [ {{SdsCluster(service.Port)}} ] }
            """), "--drain-time-s", "1");
        await proxy.WaitForHttpAsync(adminPort);
        await Patience.UntilAsync(() => service.HasStream, "the stream");

        Write("");
        await Patience.UntilAsync(() => !service.HasStream, "the end of the stream");
        Write(cluster);
        await Patience.UntilAsync(() => service.HasStream, "another stream");
        (await service.WaitForRequestAsync(static request => request.Names.Contains("ca"), "the subscription")).Nonce.Should().BeEmpty();
    }

    [Fact]
    public async Task The_example_serves_what_its_service_delivers()
    {
        await using var service = await ScriptedSecretService.StartAsync();
        using var folder = new TempFolder();
        var (port, adminPort) = (FreePort.Take(), FreePort.Take());
        string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var text = (await File.ReadAllTextAsync(Repository.File("config/examples/envoy-sds.yaml"), TestContext.Current.CancellationToken))
            .Replace("port_value: 8443", "port_value: " + Text(port), StringComparison.Ordinal)
            .Replace("port_value: 9901", "port_value: " + Text(adminPort), StringComparison.Ordinal)
            .Replace("port_value: 8234", "port_value: " + Text(service.Port), StringComparison.Ordinal);
        service.Hold("1", Secrets.Certificate("web", First.Web));
        await using var proxy = ChildProcess.StartKpn("proxy", "-c", folder.Write("envoy.yaml", text), "--drain-time-s", "1");
        await proxy.WaitForHttpAsync(adminPort);

        await using var client = await SecureClient.ConnectAsync(port, First.Authority);
        (await client.GetAsync()).Body.Should().Be("hello\n");
    }

    private static string SdsCluster(int port, string socket = "") =>
        $$"""{ name: sds, type: STATIC, connect_timeout: 1s, load_assignment: { cluster_name: sds, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{port}} } } } } ] } ] }{{socket}} }""";

    private static MutualProxy Start(int port, string kind, string more = "", string socket = "") => MutualProxy.Start(
        First,
        (_, _) => Source(kind, "envoy_grpc: { cluster_name: sds }", more),
        cluster: SdsCluster(port, socket));

    private static string Source(string kind, string service, string more = "") =>
        $"{{ api_config_source: {{ api_type: {kind}, transport_api_version: V3, grpc_services: [ {{ {service} }} ] }}, resource_api_version: V3{more} }}";

    private static Secret[] All(Identity identity) =>
    [
        Secrets.Certificate("web", identity.Web), Secrets.Authorities("clients", identity.Authority),
        Secrets.Certificate("proxy", identity.Proxy), Secrets.Authorities("servers", identity.Authority),
    ];

    private static string Serial(Identity identity) => Convert.ToHexString(identity.Web.Serial);

    private static async Task<string> SerialAsync(MutualProxy proxy, Identity server)
    {
        await using var client = await SecureClient.ConnectAsync(proxy.Port, server.Authority, First.Client);
        (await client.GetAsync()).Status.Should().Be(200);
        return client.ServerSerial;
    }

    private static async Task<int> AskAsync(MutualProxy proxy)
    {
        await using var client = await SecureClient.ConnectAsync(proxy.Port, First.Authority, First.Client);
        return (await client.GetAsync()).Status;
    }
}

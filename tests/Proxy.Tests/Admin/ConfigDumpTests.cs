using System.Net;
using System.Text.Json;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Tests.Admin;

public sealed class ConfigDumpTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly SampleProxy _proxy = new();
    private readonly HttpClient _client = new();
    private AdminServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await AdminServer.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), new StatRegistry(), _proxy, _proxy);
        _client.BaseAddress = new Uri($"http://{_server.Address}");
        _proxy.Dump = new ConfigDump
        {
            Bootstrap = new DumpedResource("", new Bootstrap { Node = new Node { Id = "n1" } }, Noon),
            Clusters =
            [
                new DumpedResource("static", new Cluster { Name = "static" }, Noon),
                new DumpedResource("dynamic", new Cluster { Name = "dynamic" }, Noon, "v7", new RejectedUpdate("no such thing", "v8", Noon)),
            ],
            Listeners = [new DumpedResource("in", new Listener { Name = "in" }, Noon, "v1")],
            Routes = [new DumpedResource("r", new RouteConfiguration { Name = "r" }, Noon, "v2")],
            Endpoints = [new DumpedResource("dynamic", new ClusterLoadAssignment { ClusterName = "dynamic" }, Noon, "v3")],
            Secrets = [new DumpedResource("cert", new Secret { Name = "cert", GenericSecret = new() { Secret = Inline("topsecret") } }, Noon, "v4")],
        };
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task The_dump_has_the_shape_of_envoy()
    {
        var configs = await Configs("/config_dump?include_eds");

        configs.Select(Type).Should().Equal(
            "BootstrapConfigDump", "ClustersConfigDump", "EndpointsConfigDump", "ListenersConfigDump", "RoutesConfigDump", "SecretsConfigDump");
        configs[0].GetProperty("bootstrap").GetProperty("node").GetProperty("id").GetString().Should().Be("n1");
        Compact(configs[1]).Should().Contain(
            """
            "static_clusters":[{"cluster":{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"static"},"last_updated":"2026-01-01T12:00:00.000Z"}]
            """.Trim());
        Compact(configs[1].GetProperty("dynamic_active_clusters")[0]).Should().StartWith("{\"version_info\":\"v7\",\"cluster\":{").And.Contain(
            """
            "error_state":{"last_update_attempt":"2026-01-01T12:00:00.000Z","details":"no such thing","version_info":"v8"}
            """.Trim());
        configs[2].GetProperty("dynamic_endpoint_configs")[0].GetProperty("endpoint_config").GetProperty("cluster_name").GetString()
            .Should().Be("dynamic");
        var listener = configs[3].GetProperty("dynamic_listeners")[0];
        listener.GetProperty("name").GetString().Should().Be("in");
        listener.GetProperty("active_state").GetProperty("version_info").GetString().Should().Be("v1");
        configs[4].GetProperty("dynamic_route_configs")[0].GetProperty("route_config").GetProperty("name").GetString().Should().Be("r");
    }

    [Fact]
    public async Task Endpoints_are_left_out_unless_asked_for() =>
        (await Configs("/config_dump")).Select(Type).Should().NotContain("EndpointsConfigDump");

    [Fact]
    public async Task One_list_can_be_asked_for()
    {
        var configs = await Configs("/config_dump?resource=dynamic_active_clusters");

        configs.Should().ContainSingle();
        Type(configs[0]).Should().Be("ClustersConfigDump.DynamicCluster");
        Type((await Configs("/config_dump?resource=bootstrap"))[0]).Should().Be("type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap");
    }

    [Fact]
    public async Task Secrets_that_have_not_come_are_in_a_list_of_their_own()
    {
        _proxy.Dump = new ConfigDump { Secrets = [new DumpedResource("here", new Secret { Name = "here" }, Noon, "v1"), new DumpedResource("awaited", null, Noon, "")] };

        var configs = await Configs("/config_dump?resource=dynamic_warming_secrets");
        configs.Should().ContainSingle();
        configs[0].GetProperty("name").GetString().Should().Be("awaited");
        configs[0].TryGetProperty("secret", out _).Should().BeFalse();
        (await Configs("/config_dump?resource=dynamic_active_secrets")).Should().ContainSingle().Which.GetProperty("name").GetString().Should().Be("here");
        (await Configs("/config_dump"))[^1].GetProperty("dynamic_warming_secrets").GetArrayLength().Should().Be(1);
    }

    [Fact]
    public async Task Names_can_be_filtered_by_whole_match()
    {
        var configs = await Configs("/config_dump?name_regex=stat");
        configs[1].TryGetProperty("static_clusters", out _).Should().BeFalse();

        configs = await Configs("/config_dump?name_regex=stat.*");
        configs[1].GetProperty("static_clusters").GetArrayLength().Should().Be(1);
        configs[1].TryGetProperty("dynamic_active_clusters", out _).Should().BeFalse();
    }

    [Fact]
    public async Task An_unknown_list_is_answered_with_those_there_are()
    {
        using var response = await _client.GetAsync("/config_dump?resource=nope");

        response.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await response.Content.ReadAsStringAsync()).Should().Contain("dynamic_active_clusters");
    }

    [Fact]
    public async Task Typed_configurations_are_unfolded()
    {
        var listener = new Listener { Name = "in" };
        listener.FilterChains.Add(new FilterChain());
        listener.FilterChains[0].Filters.Add(new Filter { Name = "hcm", TypedConfig = Any.Pack(new HttpConnectionManager { StatPrefix = "ingress" }) });
        _proxy.Dump = new ConfigDump { Listeners = [new DumpedResource("in", listener, Noon)] };

        (await _client.GetStringAsync("/config_dump")).Should().Contain("\"stat_prefix\": \"ingress\"");
    }

    [Fact]
    public async Task A_type_that_is_not_known_is_said_to_be_so()
    {
        var listener = new Listener { Name = "in" };
        listener.FilterChains.Add(new FilterChain());
        listener.FilterChains[0].Filters.Add(new Filter { TypedConfig = new Any { TypeUrl = "type.googleapis.com/what.Ever" } });
        _proxy.Dump = new ConfigDump { Listeners = [new DumpedResource("in", listener, Noon)] };

        (await _client.GetStringAsync("/config_dump")).Should().Contain("cannot be shown").And.Contain("what.Ever");
    }

    [Fact]
    public async Task Nothing_secret_is_shown_and_file_names_are()
    {
        var tls = new DownstreamTlsContext { CommonTlsContext = new(), SessionTicketKeys = new() };
        tls.SessionTicketKeys.Keys.Add(Inline("topsecret"));
        tls.CommonTlsContext.TlsCertificates.Add(new TlsCertificate
        {
            CertificateChain = Inline("public-part"),
            PrivateKey = Inline("topsecret"),
            Password = new DataSource { InlineBytes = ByteString.CopyFromUtf8("topsecret") },
        });
        tls.CommonTlsContext.TlsCertificates.Add(new TlsCertificate { PrivateKey = new DataSource { Filename = "/etc/key.pem" } });
        var listener = new Listener { Name = "in" };
        listener.FilterChains.Add(new FilterChain { TransportSocket = new TransportSocket { Name = "tls", TypedConfig = Any.Pack(tls) } });
        var route = new RouteConfiguration { Name = "r" };
        route.RequestHeadersToAdd.Add(new HeaderValueOption { Header = new HeaderValue { Key = "Authorization", Value = "topsecret" } });
        route.RequestHeadersToAdd.Add(new HeaderValueOption { Header = new HeaderValue { Key = "x-plain", Value = "shown" } });
        var bootstrap = new Bootstrap { DynamicResources = new() { AdsConfig = new ApiConfigSource() } };
        var grpc = new GrpcService { EnvoyGrpc = new() { ClusterName = "xds" } };
        grpc.InitialMetadata.Add(new HeaderValue { Key = "x-tenant", Value = "topsecret" });
        bootstrap.DynamicResources.AdsConfig.GrpcServices.Add(grpc);
        _proxy.Dump = _proxy.Dump with
        {
            Bootstrap = new DumpedResource("", bootstrap, Noon),
            Listeners = [new DumpedResource("in", listener, Noon)],
            Routes = [new DumpedResource("r", route, Noon)],
        };

        var dump = await _client.GetStringAsync("/config_dump");

        dump.Should().NotContain("topsecret").And.NotContain(Convert.ToBase64String("topsecret"u8));
        dump.Should().Contain("public-part").And.Contain("/etc/key.pem").And.Contain("shown").And.Contain("x-tenant").And.Contain("\"cert\"");
        dump.Should().Contain("[redacted]");
    }

    private static DataSource Inline(string text) => new() { InlineString = text };

    private static string Type(JsonElement config) =>
        config.GetProperty("@type").GetString()!.Replace("type.googleapis.com/envoy.admin.v3.", "", StringComparison.Ordinal);

    private static string Compact(JsonElement element) => JsonSerializer.Serialize(element);

    private async Task<IReadOnlyList<JsonElement>> Configs(string path)
    {
        using var json = JsonDocument.Parse(await _client.GetStringAsync(path));
        return [.. json.RootElement.GetProperty("configs").EnumerateArray().Select(config => config.Clone())];
    }
}

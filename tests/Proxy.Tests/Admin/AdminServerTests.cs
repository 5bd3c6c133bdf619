using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Tests.Admin;

public sealed class AdminServerTests : IAsyncLifetime
{
    private readonly SampleProxy _proxy = new();
    private readonly StatRegistry _stats = new();
    private readonly HttpClient _client = new();
    private AdminServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await AdminServer.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), _stats, _proxy, _proxy);
        _client.BaseAddress = new Uri($"http://{_server.Address}");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(ServerState.Live, 200, "LIVE\n")]
    [InlineData(ServerState.Draining, 503, "DRAINING\n")]
    [InlineData(ServerState.Initializing, 503, "INITIALIZING\n")]
    [InlineData(ServerState.PreInitializing, 503, "PRE_INITIALIZING\n")]
    public async Task Ready_only_while_live(ServerState state, int status, string body)
    {
        _proxy.State = state;
        using var response = await _client.GetAsync("/ready");

        ((int)response.StatusCode).Should().Be(status);
        (await response.Content.ReadAsStringAsync()).Should().Be(body);
    }

    [Fact]
    public async Task Server_info_has_the_fields_of_envoy()
    {
        using var json = await GetJson("/server_info");
        var info = json.RootElement;

        info.GetProperty("version").GetString().Should().Be("1.2.3");
        info.GetProperty("state").GetString().Should().Be("LIVE");
        info.GetProperty("uptime_current_epoch").GetString().Should().Be("75s");
        info.GetProperty("hot_restart_version").GetString().Should().Be("disabled");
        info.GetProperty("command_line_options").GetProperty("config_path").GetString().Should().Be("envoy.yaml");
        info.GetProperty("node").GetProperty("id").GetString().Should().Be("n1");
    }

    [Fact]
    public async Task Stats_are_shown_as_text_json_and_prometheus()
    {
        _stats.Shared.Increment(_stats.Counter("cluster.web.upstream_rq_total"));
        _stats.Counter("cluster.web.upstream_rq_retry");
        _stats.Counter("server.live");

        (await _client.GetStringAsync("/stats?filter=^cluster&usedonly")).Should().Be("cluster.web.upstream_rq_total: 1\n");
        using var json = await GetJson("/stats?format=json&filter=total");
        json.RootElement.GetProperty("stats")[0].GetProperty("value").GetInt64().Should().Be(1);
        var expected = "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"web\"} 1\n";
        (await _client.GetStringAsync("/stats/prometheus")).Should().Contain(expected);
        using var response = await _client.GetAsync("/stats?format=prometheus&usedonly");
        (await response.Content.ReadAsStringAsync()).Should().Contain(expected).And.NotContain("retry");
        response.Content.Headers.ContentType!.ToString().Should().Be("text/plain; version=0.0.4; charset=utf-8");
    }

    [Theory]
    [InlineData("/stats?filter=(", "regular expression")]
    [InlineData("/stats?format=xml", "use text, json or prometheus")]
    [InlineData("/clusters?format=xml", "use text or json")]
    [InlineData("/config_dump?mask=x", "name_regex")]
    [InlineData("/config_dump?name_regex=(", "regular expression")]
    public async Task A_wrong_parameter_is_refused_with_a_remedy(string path, string remedy)
    {
        using var response = await _client.GetAsync(path);

        response.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        (await response.Content.ReadAsStringAsync()).Should().Contain(remedy);
    }

    [Fact]
    public async Task Clusters_are_shown_in_the_form_of_envoy()
    {
        _proxy.Clusters.Add(Web());

        var lines = (await _client.GetStringAsync("/clusters")).Split('\n');
        lines.Should().StartWith("web::observability_name::web").And.Contain(
        [
            "web::default_priority::max_connections::10", "web::high_priority::max_retries::3", "web::added_via_api::true",
            "web::eds_service_name::default/web", "web::127.0.0.1:8081::rq_active::2", "web::127.0.0.1:8081::health_flags::healthy",
            "web::[::1]:8082::health_flags::/failed_active_hc/failed_eds_health", "web::[::1]:8082::weight::5",
            "web::[::1]:8082::success_rate::-1",
        ]);
    }

    [Fact]
    public async Task Clusters_as_json_have_the_fields_of_envoy()
    {
        _proxy.Clusters.Add(Web());

        using var json = await GetJson("/clusters?format=json");
        var cluster = json.RootElement.GetProperty("cluster_statuses")[0];
        cluster.GetProperty("name").GetString().Should().Be("web");
        cluster.GetProperty("circuit_breakers").GetProperty("thresholds")[0].GetProperty("max_connections").GetInt32().Should().Be(10);
        var host = cluster.GetProperty("host_statuses")[1];
        host.GetProperty("address").GetProperty("socket_address").GetProperty("port_value").GetInt32().Should().Be(8082);
        host.GetProperty("health_status").GetProperty("eds_health_status").GetString().Should().Be("UNHEALTHY");
        host.GetProperty("health_status").GetProperty("failed_active_health_check").GetBoolean().Should().BeTrue();
        var active = cluster.GetProperty("host_statuses")[0].GetProperty("stats")[3];
        active.GetRawText().Should().Contain("rq_active").And.Contain("GAUGE").And.Contain("\"2\"");
    }

    [Fact]
    public async Task Listeners_are_shown_with_their_addresses()
    {
        _proxy.Listeners.Add(new ListenerView("http", SampleProxy.Endpoint("0.0.0.0:8080")));

        (await _client.GetStringAsync("/listeners")).Should().Be("http::0.0.0.0:8080\n");
        using var json = await GetJson("/listeners?format=json");
        json.RootElement.GetProperty("listener_statuses")[0].GetProperty("local_address").GetProperty("socket_address")
            .GetProperty("address").GetString().Should().Be("0.0.0.0");
    }

    [Fact]
    public async Task Commands_take_post_and_do_what_they_say()
    {
        (await Post("/drain_listeners")).Should().Be(HttpStatusCode.OK);
        (await Post("/drain_listeners?graceful")).Should().Be(HttpStatusCode.OK);
        (await Post("/reopen_logs")).Should().Be(HttpStatusCode.OK);
        (await Post("/quitquitquit")).Should().Be(HttpStatusCode.OK);
        _proxy.Asked.Should().Equal("drain", "drain gracefully", "reopen", "quit");

        await Post("/healthcheck/fail");
        _proxy.State.Should().Be(ServerState.Draining);
        await Post("/healthcheck/ok");
        _proxy.State.Should().Be(ServerState.Live);
        (await Post("/drain_listeners?inboundonly")).Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Values_of_the_runtime_are_set_and_shown()
    {
        _proxy.RuntimeValues = new RuntimeValues([new RuntimeLayer("base", new Dictionary<string, RuntimeValue> { ["a.b"] = RuntimeValue.OfText("5") }.ToFrozenDictionary()), RuntimeLayer.Empty("admin")]);
        using var json = await GetJson("/runtime");
        json.RootElement.GetProperty("layers").EnumerateArray().Select(static layer => layer.GetString()).Should().Equal("base", "admin");
        var entry = json.RootElement.GetProperty("entries").GetProperty("a.b");
        entry.GetProperty("final_value").GetString().Should().Be("5");
        entry.GetProperty("layer_values").EnumerateArray().Select(static value => value.GetString()).Should().Equal("5", "");

        using var set = await _client.PostAsync("/runtime_modify?a.b=6&c=", null);
        set.IsSuccessStatusCode.Should().BeTrue();
        using var refused = await _client.PostAsync("/runtime_modify?refused=1", null);
        ((int)refused.StatusCode).Should().Be(503);
        using var empty = await _client.PostAsync("/runtime_modify", null);
        ((int)empty.StatusCode).Should().Be(400);
        _proxy.Asked.Should().Equal("runtime a.b=6 c=", "runtime refused=1");
    }

    [Theory]
    [InlineData("/quitquitquit")]
    [InlineData("/drain_listeners")]
    [InlineData("/healthcheck/fail")]
    public async Task A_command_by_get_changes_nothing_and_says_how(string path)
    {
        using var response = await _client.GetAsync(path);

        response.StatusCode.Should().Be(HttpStatusCode.MethodNotAllowed);
        response.Content.Headers.Allow.Should().Equal("POST");
        (await response.Content.ReadAsStringAsync()).Should().Contain("-X POST");
        _proxy.Asked.Should().BeEmpty();
        _proxy.State.Should().Be(ServerState.Live);
    }

    [Fact]
    public async Task A_page_by_post_is_refused() => (await Post("/stats")).Should().Be(HttpStatusCode.MethodNotAllowed);

    [Fact]
    public async Task An_unknown_page_gets_the_list_of_those_there_are()
    {
        using var response = await _client.GetAsync("/nope");

        response.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await response.Content.ReadAsStringAsync()).Should().Contain("/config_dump").And.Contain("/quitquitquit (POST)");
    }

    [Fact]
    public async Task The_index_links_every_page_and_allows_no_script()
    {
        using var response = await _client.GetAsync("/");
        var html = await response.Content.ReadAsStringAsync();

        html.Should().Contain("<a href=\"/stats/prometheus\">").And.Contain("<form method=\"post\" action=\"/quitquitquit\">")
            .And.NotContain("<script");
        response.Headers.GetValues("Content-Security-Policy").Single().Should().StartWith("default-src 'none'; style-src 'sha256-");
        response.Headers.GetValues("X-Content-Type-Options").Should().Equal("nosniff");
        response.Headers.Contains("Server").Should().BeFalse();
        (await _client.GetStringAsync("/help")).Should().StartWith("admin commands are:\n");
    }

    [Theory]
    [InlineData("Origin", "http://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    public async Task Another_web_page_cannot_give_commands(string header, string value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/quitquitquit");
        request.Headers.Add(header, value);
        using var response = await _client.SendAsync(request);

        response.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        _proxy.Asked.Should().BeEmpty();
    }

    [Theory]
    [InlineData("evil.example", HttpStatusCode.Forbidden)]
    [InlineData("localhost:1", HttpStatusCode.OK)]
    [InlineData("[::1]:1", HttpStatusCode.OK)]
    public async Task On_loopback_only_local_names_are_answered(string host, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/ready");
        request.Headers.Host = host;
        using var response = await _client.SendAsync(request);

        response.StatusCode.Should().Be(expected);
    }

    [Fact]
    public async Task The_index_pages_own_buttons_work()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/reopen_logs");
        request.Headers.Add("Origin", $"http://{_server.Address}");
        request.Headers.Add("Sec-Fetch-Site", "same-origin");
        using var response = await _client.SendAsync(request);

        response.StatusCode.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_port_in_use_is_named_with_a_remedy()
    {
        var start = () => AdminServer.StartAsync(_server.Address, _stats, _proxy, _proxy);

        (await start.Should().ThrowAsync<IOException>()).WithMessage($"*{_server.Address} is in use*admin.address*");
    }

    [Fact]
    public async Task An_address_of_another_machine_is_named_with_a_remedy()
    {
        var start = () => AdminServer.StartAsync(SampleProxy.Endpoint("192.0.2.1:9901"), _stats, _proxy, _proxy);

        (await start.Should().ThrowAsync<IOException>()).WithMessage("*192.0.2.1:9901 cannot be bound*");
    }

    [Fact]
    public async Task After_the_end_nothing_listens()
    {
        var address = _server.Address;
        await _server.DisposeAsync();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);

        await FluentActions.Awaiting(() => socket.ConnectAsync(address)).Should().ThrowAsync<SocketException>();
    }

    private static ClusterView Web() => new()
    {
        Name = "web",
        AddedViaApi = true,
        EdsServiceName = "default/web",
        DefaultPriority = new CircuitBreakerView(MaxConnections: 10),
        Endpoints =
        [
            new EndpointView { Address = SampleProxy.Endpoint("127.0.0.1:8081"), RqActive = 2 },
            new EndpointView
            {
                Address = SampleProxy.Endpoint("[::1]:8082"),
                Weight = 5,
                Health = EndpointHealthFlags.FailedActiveHealthCheck | EndpointHealthFlags.FailedEdsHealth,
            },
        ],
    };

    private async Task<HttpStatusCode> Post(string path)
    {
        using var response = await _client.PostAsync(path, content: null);
        return response.StatusCode;
    }

    private async Task<JsonDocument> GetJson(string path) => JsonDocument.Parse(await _client.GetStringAsync(path));
}

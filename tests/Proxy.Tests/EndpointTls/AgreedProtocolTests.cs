using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.EndpointTls.SecuredProxy;

namespace KubeProxyNet.Proxy.Tests.EndpointTls;

/// <summary>The version of HTTP that is spoken with endpoints by TLS, where they have a say in it.</summary>
public sealed class AgreedProtocolTests
{
    private const string Auto = "auto_config: { http2_protocol_options: {} }";
    private const string Explicit = "explicit_http_config: { http2_protocol_options: {} }";

    private static readonly TestAuthority Root = TestAuthority.Root();
    private static readonly TestCertificate Leaf = Root.Issue(null, "a.test", "b.test");

    [Theory]
    [InlineData(Auto)]
    [InlineData(Explicit)]
    public async Task An_endpoint_that_agrees_on_h2_gets_one_connection_for_all(string protocol)
    {
        var go = new Signal();
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.After(go, Http2Scripts.Answer()), new Http2BackendOptions { Certificate = Leaf });
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(Root.Pem)), Protocols(protocol), backend.Port)]);
        var requests = Enumerable.Range(0, 10).Select(_ => proxy.GetAsync()).ToArray();

        await backend.WaitForStreamsAsync(10);
        go.Set();

        (await Task.WhenAll(requests)).Select(static r => r.Status).Should().AllBeEquivalentTo(200);
        backend.Connections.Count.Should().Be(1);
        backend.Requests[0].Scheme.Should().Be("http", "as the client said it");
    }

    [Fact]
    public async Task An_endpoint_that_agrees_on_nothing_is_spoken_to_in_HTTP_1_1_and_nobody_who_waited_is_lost()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var front = TlsFront.Start(backend.Port, Leaf);
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(Root.Pem)), Protocols(Auto), front.Port)]);

        var responses = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => proxy.GetAsync()));
        responses.Select(static r => r.Status).Should().AllBeEquivalentTo(200);

        (await proxy.StatAsync("cluster.backend.upstream_cx_http2_total")).Should().Be(0);
        (await proxy.StatAsync("cluster.backend.upstream_cx_http1_total")).Should().BeInRange(1, 10);
    }

    [Fact]
    public async Task An_endpoint_that_learns_h2_is_spoken_to_in_it_on_the_next_connection()
    {
        await using var old = ScriptedBackend.Start(BackendScripts.Answer(200, "", new RawHeader("connection", "close")));
        var front = TlsFront.Start(old.Port, Leaf);
        var port = front.Port;
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(Root.Pem)), Protocols(Auto), port)]);
        (await proxy.GetAsync()).Status.Should().Be(200);

        await front.DisposeAsync();
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(), new Http2BackendOptions { Certificate = Leaf }, port);

        (await proxy.GetAsync()).Status.Should().Be(200);
        (await proxy.GetAsync()).Status.Should().Be(200);
        backend.Connections.Count.Should().Be(1);
        backend.Requests.Count.Should().Be(2);
    }

    [Fact]
    public async Task Who_waits_for_a_connection_of_his_own_name_gets_it_though_nobody_wants_the_other_any_more()
    {
        var go = new Signal();
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(), new Http2BackendOptions { Certificate = Leaf });
        await using var gate = new Gate(backend.Port, go);
        var cluster = Cluster("backend", Common(Trust(Root.Pem)), Protocols(Explicit + ", upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true }"), gate.Port);
        await using var proxy = await SecuredProxy.StartAsync([cluster.Replace("connect_timeout: 5s", "connect_timeout: 100s", StringComparison.Ordinal)]);
        Task<RawResponse> other;
        await using (var first = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await first.SendAsync("GET / HTTP/1.1\r\nhost: a.test\r\n\r\n");
            await Patience.UntilAsync(async () => await proxy.StatAsync("cluster.backend.upstream_rq_pending_active") == 1, "the first that waits");
            other = proxy.GetAsync("/", "b.test");
            await Patience.UntilAsync(async () => await proxy.StatAsync("cluster.backend.upstream_rq_pending_active") == 2, "the other that waits");
        }

        await Patience.UntilAsync(async () => await proxy.StatAsync("cluster.backend.upstream_rq_pending_active") == 1, "the first to be gone");
        go.Set();

        (await other).Status.Should().Be(200);
        backend.Requests.Should().ContainSingle().Which.Authority.Should().Be("b.test");
    }

    [Fact]
    public async Task A_shared_connection_serves_requests_of_its_own_name_only()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(), new Http2BackendOptions { Certificate = Leaf });
        await using var proxy = await SecuredProxy.StartAsync(
            [Cluster("backend", Common(Trust(Root.Pem)), Protocols(Explicit + ", upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true }"), backend.Port)]);

        foreach (var host in new[] { "a.test", "b.test", "a.test", "A.TEST:80", "b.test" })
        {
            (await proxy.GetAsync("/", host)).Status.Should().Be(200);
        }

        backend.Requests.Select(static request => request.Connection).Should().Equal(1, 2, 1, 1, 2);
    }

    [Fact]
    public async Task A_handshake_that_fails_fails_all_who_wait_and_says_why()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(), new Http2BackendOptions { Certificate = TestAuthority.Root("Other").Issue(null, "a.test") });
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(Root.Pem)), Protocols(Explicit), backend.Port)]);

        var responses = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => proxy.GetAsync()));

        responses.Select(static r => r.Status).Should().AllBeEquivalentTo(503);
        (await proxy.AccessLogAsync()).Should().Contain("503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:");
    }

    [Fact]
    public async Task A_check_by_gRPC_goes_by_TLS_and_offers_h2()
    {
        await using var backend = ScriptedHttp2Backend.Start(
            static async stream =>
            {
                await stream.ReadRequestAsync();
                await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-type", "application/grpc"));
                await stream.SendDataAsync((byte[])[0, 0, 0, 0, 2, 8, 1]);
                await stream.SendTrailersAsync(new RawHeader("grpc-status", "0"));
            },
            new Http2BackendOptions { Certificate = Leaf });
        await using var proxy = await SecuredProxy.StartAsync([Cluster(
            "backend",
            Common(Trust(Root.Pem)),
            Protocols(Explicit) + ", health_checks: [ { timeout: 5s, interval: 0.05s, no_traffic_interval: 0.05s, unhealthy_threshold: 1, healthy_threshold: 1, "
                + "grpc_health_check: { service_name: shop, initial_metadata: [ { header: { key: x-team, value: blue } } ] } } ]",
            backend.Port)]);

        await backend.WaitForRequestsAsync(3);

        (await proxy.StatAsync("cluster.backend.health_check.failure")).Should().Be(0);
        (await proxy.StatAsync("cluster.backend.membership_healthy")).Should().Be(1);
        var request = backend.Requests[0];
        (request.Authority, request.Scheme, request.Fields["x-team"]).Should().Be(("backend", "https", "blue"));
        backend.Connections.Count.Should().Be(1);
    }
}

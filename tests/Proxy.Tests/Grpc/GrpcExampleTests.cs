using System.Globalization;
using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>The examples of gRPC as they stand in <c>config/examples</c>, from the file to what people see.</summary>
public sealed class GrpcExampleTests
{
    [Fact]
    public async Task Calls_have_their_time_and_are_retried_and_counted_as_the_example_says()
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Statuses(14, 0, 0, 3));
        await using var proxy = await StartAsync("envoy-grpc.yaml", backend.Port, backend.Port);
        var port = proxy.ListenerAddress("ingress")!.Port;

        var called = await GrpcTraffic.CallAsync(port, "grpc-timeout: 1S\r\n");
        var other = await GrpcTraffic.CallAsync(port, "grpc-timeout: 2H\r\n", path: "/shop.Cart/List");
        var browser = await GrpcTraffic.CallAsync(port, type: "application/grpc-web+proto");

        called.Headers["grpc-status"].Should().Be("0");
        other.Headers["grpc-status"].Should().Be("0");
        browser.Headers["grpc-status"].Should().Be("3");
        browser.Headers["content-type"].Should().Be("application/grpc-web+proto");
        backend.Requests.Select(static request => request.Headers["grpc-timeout"]).Should().Equal("950m", "950m", "59950m", null);
        var stats = (await AdminAsync(proxy, "/stats?filter=cluster.backends.grpc")).Split('\n');
        stats.Should().Contain(
        [
            "cluster.backends.grpc.shop.Cart.Add.0: 1", "cluster.backends.grpc.shop.Cart.Add.3: 1", "cluster.backends.grpc.shop.Cart.Add.total: 2", "cluster.backends.grpc.total: 1",
            "cluster.backends.grpc-web.shop.Cart.Add.3: 1",
        ]);
        (await AdminAsync(proxy, "/stats/prometheus")).Should()
            .Contain("envoy_cluster_grpc_total{envoy_cluster_name=\"backends\",envoy_grpc_bridge_service=\"shop.Cart\",envoy_grpc_bridge_method=\"Add\"} 2")
            .And.Contain("envoy_cluster_grpc_total{envoy_cluster_name=\"backends\"} 1")
            .And.Contain("envoy_cluster_grpc_web_3{envoy_cluster_name=\"backends\",envoy_grpc_bridge_service=\"shop.Cart\",envoy_grpc_bridge_method=\"Add\"} 1");
        var explained = await AdminAsync(proxy, "/explain?url=http://a/shop.Cart/Add&header=content-type:%20application/grpc&header=grpc-timeout:%201S");
        explained.Should().Contain("duration   950 ms at most").And.Contain("grpc-timeout 950 ms");
    }

    [Fact]
    public async Task Bare_messages_of_clients_of_http1_become_calls_and_all_else_goes_to_the_site()
    {
        await using var calls = ScriptedHttp2Backend.Start(static async stream =>
        {
            var request = await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-type", "application/grpc"));
            await stream.SendDataAsync(request.Body);
            await stream.SendTrailersAsync(new RawHeader("grpc-status", request.Body.Length > 5 ? "0" : "3"));
        });
        await using var site = ScriptedBackend.Start(BackendScripts.Answer(200, "site"));
        await using var proxy = await StartAsync("envoy-grpc-bridge.yaml", calls.Port, site.Port);
        var port = proxy.ListenerAddress("ingress")!.Port;

        var message = await RawHttpClient.ExchangeAsync(port, GrpcTraffic.Request(path: "/shop.Cart/Add?from=curl", type: "application/x-protobuf", body: "abcd"));
        var call = await RawHttpClient.ExchangeAsync(port, GrpcTraffic.Request(body: "\0\0\0\0\0"));
        var page = await RawHttpClient.GetAsync(port, "/index.html?a=b");

        message.Status.Should().Be(200);
        message.BodyText.Should().Be("abcd");
        message.Headers["grpc-status"].Should().Be("0");
        call.Status.Should().Be(503);
        call.Headers["grpc-status"].Should().Be("3");
        page.BodyText.Should().Be("site");
        calls.Requests.Select(static request => request.Path).Should().Equal("/shop.Cart/Add", "/shop.Cart/Add");
        site.Requests.Should().ContainSingle().Which.Target.Should().Be("/index.html?a=b");
    }

    private static async Task<ProxyServer> StartAsync(string example, int first, int second)
    {
        var yaml = await File.ReadAllTextAsync(Repository.File($"config/examples/{example}"));
        foreach (var (written, used) in new[] { (9901, 0), (10000, 0), (9000, first), (9001, second) })
        {
            yaml = yaml.Replace(string.Create(CultureInfo.InvariantCulture, $"port_value: {written} "), string.Create(CultureInfo.InvariantCulture, $"port_value: {used} "), StringComparison.Ordinal);
        }

        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Select(static error => error.ToString()).Should().BeEmpty();
        var server = await ProxyServer.StartAsync(
            new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1 }, NullLoggerFactory.Instance);
        await server.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        return server;
    }

    private static async Task<string> AdminAsync(ProxyServer proxy, string target) => (await RawHttpClient.GetAsync(proxy.AdminAddress!.Port, target)).BodyText;
}

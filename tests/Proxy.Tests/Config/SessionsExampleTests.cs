using System.Globalization;
using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>The example of sessions and subsets as it stands in <c>config/examples</c>, from the file to what people see.</summary>
public sealed class SessionsExampleTests
{
    [Fact]
    public async Task Clients_stay_and_canaries_are_apart_as_the_example_says()
    {
        await using var one = ScriptedBackend.Start(BackendScripts.Answer(200, "one"));
        await using var two = ScriptedBackend.Start(BackendScripts.Answer(200, "two"));
        await using var canary = ScriptedBackend.Start(BackendScripts.Answer(200, "canary"));
        await using var proxy = await StartAsync(one.Port, two.Port, canary.Port);
        var port = proxy.ListenerAddress("ingress")!.Port;

        var first = await RawHttpClient.GetAsync(port);
        var cookie = first.Headers["set-cookie"]!;
        cookie.Should().MatchRegex("^session=\"[A-Za-z0-9+/]+=*\"; Max-Age=3600; Path=/; HttpOnly$");
        first.BodyText.Should().NotBe("canary");
        for (var i = 0; i < 6; i++)
        {
            var again = await RawHttpClient.ExchangeAsync(port, $"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncookie: {cookie[..cookie.IndexOf(';', StringComparison.Ordinal)]}\r\n\r\n");
            again.BodyText.Should().Be(first.BodyText);
            again.Headers.Contains("set-cookie").Should().BeFalse();
            var other = await RawHttpClient.GetAsync(port, "/canary");
            other.BodyText.Should().Be("canary");
            other.Headers.Contains("set-cookie").Should().BeFalse();
            (await RawHttpClient.GetAsync(port, "/ewma")).Status.Should().Be(200);
        }

        var stats = (await AdminAsync(proxy, "/stats?filter=lb_subsets")).Split('\n');
        stats.Should().Contain(["cluster.backends.lb_subsets_active: 2", "cluster.backends.lb_subsets_fallback: 0"]);
        var explained = await AdminAsync(proxy, "/explain?url=http://a/canary");
        explained.Should().Contain($"127.0.0.1:{canary.Port}");
        (await AdminAsync(proxy, "/explain?url=http://a/ewma")).Should().Contain("PeakEwma");
    }

    private static async Task<ProxyServer> StartAsync(params int[] ports)
    {
        var yaml = await File.ReadAllTextAsync(Repository.File("config/examples/envoy-sessions.yaml"));
        foreach (var (written, used) in new[] { (9901, 0), (10000, 0), (9000, ports[0]), (9001, ports[1]), (9002, ports[2]) })
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

using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Explain;

/// <summary>kpn explain, as its users type it.</summary>
public sealed class ExplainCommandTests
{
    [Fact]
    public async Task A_bootstrap_is_explained_without_serving_it()
    {
        var result = await ChildProcess.RunKpnAsync(
            "explain", "http://shop.test:10000/cart?id=1", "-c", Repository.File("config/examples/envoy-retries.yaml"));

        result.ExitCode.Should().Be(0, result.Error);
        result.Output.Split('\n').Should().ContainInOrder(
            "listener   ingress, route configuration local",
            "request    GET shop.test:10000/cart?id=1",
            "           virtual host 'all' by catch-all domain '*'",
            "           route all[0] taken: prefix '/'",
            "upstream   shop.test:10000/cart?id=1",
            "timeout    5000 ms",
            "retry      on gateway-error,connect-failure, 2 times, 1000 ms an attempt, no limit without a byte",
            "cluster    backends, 100 % of requests");
    }

    [Fact]
    public async Task Manifests_are_explained_without_serving_them()
    {
        var result = await ChildProcess.RunKpnAsync(
            "explain", "http://demo.localhost/echo/x", "--manifests", Repository.File("config/quickstart"), "-o", "json");

        result.ExitCode.Should().Be(0, result.Error);
        using var json = JsonDocument.Parse(result.Output);
        json.RootElement.GetProperty("virtual_host").GetString().Should().Be("demo.localhost");
        json.RootElement.GetProperty("forward").GetProperty("clusters")[0].GetProperty("name").GetString().Should().Be("default/echo/80");
    }

    [Fact]
    public async Task A_running_proxy_tells_what_it_does_now()
    {
        await using var proxy = await StaticProxy.StartAsync(drainSeconds: 1, 1);

        var result = await ChildProcess.RunKpnAsync(
            "explain", $"http://a.test:{proxy.HttpPort}/", "-X", "POST", "-H", "Host: b.test", "-H", "x: y", "--admin", $"127.0.0.1:{proxy.AdminPort}");

        result.ExitCode.Should().Be(0, result.Error);
        result.Output.Should().Contain($"listener   http (127.0.0.1:{proxy.HttpPort})").And.Contain("request    POST b.test/\n").And.Contain("+ 127.0.0.1:1 unknown");
    }

    [Theory]
    [InlineData("is not served; write http://HOST/PATH", "ftp://a/")]
    [InlineData("is no header; write \"name: value\"", "http://a/", "-H", "x")]
    [InlineData("does not answer", "http://a/", "--admin", "127.0.0.1:1")]
    [InlineData("there is no such folder", "http://a/", "--manifests", "/nowhere")]
    [InlineData("/nowhere.yaml", "http://a/", "-c", "/nowhere.yaml")]
    public async Task What_cannot_be_explained_is_told_with_status_1(string part, params string[] arguments)
    {
        var result = await ChildProcess.RunKpnAsync(["explain", .. arguments]);

        (result.ExitCode, result.Output).Should().Be((1, ""));
        result.Error.Should().Contain(part).And.NotContain("   at ");
    }
}

using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

public sealed class ForwardingTests
{
    [Fact]
    public async Task A_request_reaches_the_backend_and_its_answer_the_client()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port, "/hello?x=1", "example.com");

        response.Status.Should().Be(200);
        var echoed = EchoedRequest.From(response);
        echoed.Target.Should().Be("/hello?x=1");
        echoed.Headers["host"].Should().Be("example.com");
        echoed.Headers["x-forwarded-for"].Should().Be("127.0.0.1");
        echoed.Headers["x-forwarded-proto"].Should().Be("http");
        echoed.Headers["x-request-id"].Should().HaveLength(36);
        echoed.Headers["x-envoy-expected-rq-timeout-ms"].Should().Be("15000");
        response.Headers["server"].Should().Be("kpn");
        response.Headers.Contains("x-envoy-upstream-service-time").Should().BeTrue();
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.EndpointTls;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.EndpointTls.SecuredProxy;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Envoy ended where <c>auto_sni</c> took the server name from a host of more than 255 octets.</summary>
public sealed class CVE_2024_32475
{
    [Theory]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(300)]
    [InlineData(8000)]
    public async Task A_host_that_is_longer_than_a_server_name_may_be_harms_its_own_request_alone(int length)
    {
        var root = TestAuthority.Root();
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var front = TlsFront.Start(backend.Port, root.Issue(null, "a.test"));
        await using var proxy = await SecuredProxy.StartAsync([Cluster("backend", Common(Trust(root.Pem)), HttpOptions("auto_sni: true, auto_san_validation: true"), front.Port)]);

        (await proxy.GetAsync("/", new string('a', length - 5) + ".test")).Status.Should().BeOneOf(400, 503);

        (await proxy.GetAsync("/", "a.test")).Status.Should().Be(200);
        backend.Requests.Should().ContainSingle();
    }
}

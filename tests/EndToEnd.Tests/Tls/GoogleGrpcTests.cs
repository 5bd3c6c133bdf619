using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.BadControlPlane;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Xds;

namespace KubeProxyNet.EndToEnd.Tests.Tls;

/// <summary>Discovery from a service that is given by its address (<c>google_grpc</c>), with credentials.</summary>
public sealed class GoogleGrpcTests : IDisposable
{
    private static readonly TestAuthority Authority = TestAuthority.Root("Google");
    private static readonly TestCertificate Client = Authority.Issue(null, "uri:spiffe://mesh.test/proxy");

    private readonly TempFolder _folder = new();
    private readonly int _adminPort = FreePort.Take();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Both_sides_prove_who_they_are_and_the_token_is_shown()
    {
        await using var plane = await StartPlaneAsync("localhost");
        await using var proxy = Start(plane.Port, ", call_credentials: [ { access_token: s3cret } ]");

        await plane.WaitForRequestAsync(static request => request.TypeUrl == XdsTypeUrls.Listener, "the first subscription");

        plane.Authorization.Should().Be("Bearer s3cret");
        (await plane.PushAsync(XdsTypeUrls.Cluster, "1")).ErrorDetail.Should().BeNull();
        (await plane.PushAsync(XdsTypeUrls.Listener, "1")).ErrorDetail.Should().BeNull();
        await proxy.WaitForHttpAsync(_adminPort);
    }

    [Fact]
    public async Task A_service_of_another_name_gets_nothing()
    {
        await using var plane = await StartPlaneAsync("other.test");
        await using var proxy = Start(plane.Port, ", call_credentials: [ { access_token: s3cret } ]");

        (await proxy.WaitForLineAsync("no control plane at")).Should().Contain("its certificate is refused");
        (plane.Requests.Count, plane.Authorization).Should().Be((0, null));
    }

    [Theory]
    [InlineData("call_credentials: [ { access_token: s3cret } ]", "google_grpc.call_credentials[0].access_token: would be sent in plain text; add channel_credentials")]
    [InlineData("channel_credentials: { local_credentials: {} }", "google_grpc.channel_credentials.local_credentials: are for a Unix domain socket")]
    [InlineData("channel_credentials: { google_default: {} }", "google_default")]
    [InlineData("channel_credentials: { ssl_credentials: { root_certs: { inline_string: nothing } } }", "google_grpc.channel_credentials.ssl_credentials")]
    public async Task What_cannot_be_done_is_refused_by_name(string more, string reason)
    {
        var result = await ChildProcess.RunKpnAsync("validate", _folder.Write("bad.yaml", Bootstrap(1, more)));

        result.ExitCode.Should().NotBe(0);
        (result.Output + result.Error).Should().Contain(reason);
    }

    private static Task<ScriptedControlPlane> StartPlaneAsync(string name) =>
        ScriptedControlPlane.StartAsync(listen => listen.UseMutualTls(Authority.Issue(null, name), Client));

    private ChildProcess Start(int port, string more) => ChildProcess.StartKpn(
        "proxy",
        "-c",
        _folder.Write("envoy.yaml", Bootstrap(port, $$"""channel_credentials: { ssl_credentials: { root_certs: { filename: {{_folder.Write("ca.pem", Authority.Pem)}} }, private_key: { filename: {{_folder.Write("key.pem", Client.Key)}} }, cert_chain: { filename: {{_folder.Write("chain.pem", Client.Chain)}} } } }{{more}}""")),
        "--drain-time-s",
        "1");

    private string Bootstrap(int port, string more) => Bootstraps.Dynamic(_adminPort, port).Replace(
        "envoy_grpc: { cluster_name: control-plane }", $"google_grpc: {{ target_uri: 'dns:///localhost:{port}', stat_prefix: xds, {more} }}", StringComparison.Ordinal);
}

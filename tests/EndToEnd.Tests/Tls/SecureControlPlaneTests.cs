using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.BadControlPlane;
using KubeProxyNet.EndToEnd.Tests.Rotation;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Xds;

namespace KubeProxyNet.EndToEnd.Tests.Tls;

/// <summary>Discovery by mutual TLS.</summary>
public sealed class SecureControlPlaneTests : IDisposable
{
    private static readonly Identity Ours = new("Ours");
    private static readonly Identity Theirs = new("Theirs");

    private readonly TempFolder _folder = new();
    private readonly int _adminPort = FreePort.Take();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Both_sides_prove_who_they_are()
    {
        await using var plane = await StartPlaneAsync(Ours.Endpoint);
        await using var proxy = StartProxy(plane, Ours.Proxy);

        await plane.WaitForRequestAsync(static request => request.TypeUrl == XdsTypeUrls.Listener, "the first subscription");

        (await plane.PushAsync(XdsTypeUrls.Cluster, "1")).ErrorDetail.Should().BeNull();
        (await plane.PushAsync(XdsTypeUrls.Listener, "1")).ErrorDetail.Should().BeNull();
        await proxy.WaitForHttpAsync(_adminPort);
    }

    [Fact]
    public async Task A_control_plane_of_another_name_is_told_by_its_reason_and_gets_no_request()
    {
        await using var plane = await StartPlaneAsync(Ours.Web);
        await using var proxy = StartProxy(plane, Ours.Proxy);

        var line = await proxy.WaitForLineAsync("no control plane at");

        line.Should().Contain("its certificate is refused: no subject alternative name is as demanded");
        plane.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task A_certificate_that_is_renewed_in_its_file_is_used_from_the_next_connection_on()
    {
        await using var plane = await StartPlaneAsync(Ours.Endpoint);
        await using var proxy = StartProxy(plane, Theirs.Proxy);
        await proxy.WaitForLineAsync("no control plane at");
        plane.Requests.Should().BeEmpty();

        // Between the two writes the files do not belong together: that is not used, and the next attempt looks again.
        Write(Ours.Proxy);

        await plane.WaitForRequestAsync(static request => request.TypeUrl == XdsTypeUrls.Listener, "a subscription with the new certificate");
    }

    [Fact]
    public async Task Secrets_to_be_discovered_are_refused_with_a_remedy()
    {
        Write(Ours.Proxy);
        var text = Bootstrap(1);
        text = text[..text.IndexOf("validation_context:", StringComparison.Ordinal)] + "validation_context_sds_secret_config: { name: ca, sds_config: { ads: {} } }\n";

        var result = await ChildProcess.RunKpnAsync("validate", _folder.Write("bad.yaml", text));

        result.ExitCode.Should().NotBe(0);
        (result.Output + result.Error).Should().Contain("secrets of the control plane's own cluster are not discovered");
    }

    private static Task<ScriptedControlPlane> StartPlaneAsync(TestCertificate certificate) =>
        ScriptedControlPlane.StartAsync(listen => listen.UseMutualTls(certificate, Ours.Proxy));

    private ChildProcess StartProxy(ScriptedControlPlane plane, TestCertificate certificate)
    {
        Write(certificate);
        return ChildProcess.StartKpn("proxy", "-c", _folder.Write("envoy.yaml", Bootstrap(plane.Port)), "--drain-time-s", "1");
    }

    private void Write(TestCertificate certificate)
    {
        _folder.Write("proxy.pem", certificate.Chain);
        _folder.Write("proxy.key", certificate.Key);
    }

    private string Bootstrap(int port) => Bootstraps.Dynamic(_adminPort, port) + $$"""

            transport_socket:
              name: tls
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                sni: backend.test
                common_tls_context:
                  tls_params: { tls_maximum_protocol_version: TLSv1_3 }
                  tls_certificates: [ { certificate_chain: { filename: {{_folder.File("proxy.pem")}} }, private_key: { filename: {{_folder.File("proxy.key")}} } } ]
                  validation_context: { trusted_ca: { filename: {{_folder.Write("ca.pem", Ours.Authority)}} }, match_typed_subject_alt_names: [ { san_type: DNS, matcher: { exact: backend.test } } ] }
        """;
}

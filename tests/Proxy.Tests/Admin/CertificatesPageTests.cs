using AwesomeAssertions;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Tests.Admin;

public sealed class CertificatesPageTests
{
    [Fact]
    public async Task Certificates_are_shown_as_envoy_shows_them()
    {
        var proxy = new SampleProxy();
        var from = new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);
        proxy.Certificates.Add(new ContextCertificates(
            "listener \"web\"", [],
            [new CertificateFacts("/etc/web.pem", "01ab", [KeyValuePair.Create("dns", "a.example"), KeyValuePair.Create("ip_address", "10.0.0.1")], from, from.AddDays(90))]));
        await using var server = await AdminServer.StartAsync(SampleProxy.Endpoint("127.0.0.1:0"), new StatRegistry(), proxy, proxy, cancellation: TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri($"http://{server.Address}") };
        var text = await client.GetStringAsync("/certs", TestContext.Current.CancellationToken);
        System.Text.Json.Nodes.JsonNode.Parse(text)!.ToJsonString().Should().Be(
            """{"certificates":[{"ca_cert":[],"cert_chain":[{"path":"/etc/web.pem","serial_number":"01ab","subject_alt_names":[{"dns":"a.example"},{"ip_address":"10.0.0.1"}],"days_until_expiration":"0","valid_from":"2020-01-02T03:04:05Z","expiration_time":"2020-04-01T03:04:05Z"}]}]}""");
    }
}

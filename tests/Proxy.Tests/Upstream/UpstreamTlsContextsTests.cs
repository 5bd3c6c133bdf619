using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Tests.Config.Tls;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.TransportSockets;

namespace KubeProxyNet.Proxy.Tests.Upstream;

public sealed class UpstreamTlsContextsTests
{
    private static readonly SampleCertificate Leaf = SampleCertificate.Elliptic();

    private readonly StatRegistry _stats = new();
    private readonly ClusterStore _store;

    public UpstreamTlsContextsTests() => _store = new ClusterStore(_stats, [], TimeProvider.System);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_cluster_stays_as_it_is_where_the_library_refuses_a_certificate(int connectSeconds)
    {
        var before = Build(1, Leaf.Chain);
        var refused = $"{Leaf.Chain}\n{SampleCertificate.Rsa(512).Chain}";
        for (var attempt = 0; attempt < 2; attempt++)
        {
            FluentActions.Invoking(() => Build(connectSeconds, refused)).Should().Throw<TlsException>();
        }

        before.Endpoints[0].State.Tls!.Context!.Config.Certificate!.Chain.Should().Be(Leaf.Chain);
        before.State.TransportSockets.Default!.Certificate!.Chain.Should().Be(Leaf.Chain);
        _stats.Collect().Values.Should().Contain(static stat => stat.Name == "cluster.a.circuit_breakers.default.rq_open");
        Build(1, Leaf.Chain).State.Should().BeSameAs(before.State, "its connections go on");
    }

    private Cluster Build(int connectSeconds, string chain)
    {
        var tls = new UpstreamTlsConfig { Certificate = new CertificateConfig { Source = "a", Chain = chain, Key = Leaf.KeyPem } };
        return _store.Build(new ClusterSpecification(new ClusterConfig { Name = "a", ConnectTimeout = TimeSpan.FromSeconds(connectSeconds) }, [PickedFrom.One(1)])
        {
            TransportSockets = new ClusterTransportSockets { Default = tls },
        });
    }
}

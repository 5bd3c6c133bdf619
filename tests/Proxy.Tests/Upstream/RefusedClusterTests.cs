using AwesomeAssertions;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.TransportSockets;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>A cluster whose certificate the library refuses must not keep the rest of a change from going live.</summary>
public sealed class RefusedClusterTests
{
    [Fact]
    public async Task It_is_told_by_name_and_stays_as_it_was_while_the_others_go_live()
    {
        await using var one = ScriptedBackend.Start(BackendScripts.Answer(200, "one"));
        await using var two = ScriptedBackend.Start(BackendScripts.Answer(200, "two"));
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", one.Port), RunningProxy.Cluster("bad", one.Port)]);
        var before = proxy.Engine.Snapshot.Clusters["bad"];

        var listeners = proxy.Engine.Apply(
            new ConfigurationChange
            {
                Clusters = new Dictionary<string, ClusterSpecification?>
                {
                    ["bad"] = Unusable("bad", two.Port),
                    ["worse"] = Unusable("worse", two.Port),
                    ["backend"] = RunningProxy.Cluster("backend", two.Port),
                },
            },
            out var refused);

        listeners.Should().BeEmpty();
        refused.Select(static failure => failure.Cluster).Should().Equal("bad", "worse");
        refused.Should().OnlyContain(static failure => failure.Message.Contains("of a test", StringComparison.Ordinal));
        proxy.Engine.Snapshot.Clusters["bad"].Should().BeSameAs(before);
        proxy.Engine.Snapshot.Clusters.Should().NotContainKey("worse");
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("two");
    }

    private static ClusterSpecification Unusable(string name, int port) => RunningProxy.Cluster(name, port) with
    {
        TransportSockets = new ClusterTransportSockets
        {
            Default = new UpstreamTlsConfig { Certificate = new CertificateConfig { Source = "the certificate of a test", Chain = "none", Key = "none" } },
        },
    };
}

using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.Admin;

public sealed class EngineViewsTests
{
    [Fact]
    public async Task Clusters_of_the_snapshot_in_force_are_shown_with_their_endpoints()
    {
        var stats = new StatRegistry();
        using var logs = new AccessLogWriter(stats);
        await using var engine = new ProxyEngine(1, stats, logs, TimeProvider.System, NullLogger.Instance);
        engine.Apply(new ConfigurationChange
        {
            Clusters = new Dictionary<string, ClusterSpecification?>
            {
                ["b"] = new(new ClusterConfig { Name = "b" }, []),
                ["a"] = new(
                    new ClusterConfig { Name = "a" },
                    [
                        Endpoint("10.0.0.1:80") with { Locality = "eu/eu-1", Weight = 3, Priority = 1, Hostname = "one" },
                        Endpoint("[2001:db8::1]:80") with { Health = EndpointHealth.Timeout },
                    ]),
            },
        });

        var clusters = EngineViews.ClustersOf(engine, name => name == "b");

        clusters.Select(static cluster => (cluster.Name, cluster.AddedViaApi)).Should().Equal(("a", false), ("b", true));
        clusters[0].Endpoints[0].Should().BeEquivalentTo(new EndpointView
        {
            Address = SampleProxy.Endpoint("10.0.0.1:80"),
            Region = "eu",
            Zone = "eu-1",
            Weight = 3,
            Priority = 1,
            Hostname = "one",
        });
        clusters[0].Endpoints[1].Health.Should().Be(EndpointHealthFlags.FailedEdsHealth);
        EngineViews.ListenersOf(engine).Should().BeEmpty();
    }

    private static EndpointConfig Endpoint(string address)
    {
        var parsed = IPEndPoint.Parse(address);
        return new EndpointConfig { Address = new SocketEndpoint(parsed.Address, parsed.Port) };
    }
}

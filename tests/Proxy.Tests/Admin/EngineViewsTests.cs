using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Collections;
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
                        Endpoint("10.0.0.1:80") with { Locality = "eu/eu-1", Weight = 3, Priority = 1, Hostname = "one", AdditionalAddresses = new ValueList<SocketEndpoint>([new SocketEndpoint(IPAddress.Loopback, 81)]) },
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
            AdditionalAddresses = [SampleProxy.Endpoint("127.0.0.1:81")],
        });
        clusters[0].Endpoints[1].Health.Should().Be(EndpointHealthFlags.FailedEdsHealth);
        EngineViews.ListenersOf(engine).Should().BeEmpty();

        var text = new ArrayBufferWriter<byte>();
        ClusterText.Write(clusters, text);
        Encoding.UTF8.GetString(text.WrittenSpan).Split('\n').Should().ContainSingle(static line => line.Contains("additional_address", StringComparison.Ordinal))
            .Which.Should().Be("a::10.0.0.1:80::additional_address::127.0.0.1:81");
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            ClusterJson.Write(clusters, writer);
        }

        using var document = JsonDocument.Parse(json.WrittenMemory);
        var hosts = document.RootElement.GetProperty("cluster_statuses")[0].GetProperty("host_statuses");
        hosts[0].GetProperty("additional_addresses")[0].GetProperty("socket_address").GetProperty("port_value").GetInt32().Should().Be(81);
        hosts[1].TryGetProperty("additional_addresses", out _).Should().BeFalse();
    }

    private static EndpointConfig Endpoint(string address)
    {
        var parsed = IPEndPoint.Parse(address);
        return new EndpointConfig { Address = new SocketEndpoint(parsed.Address, parsed.Port) };
    }
}

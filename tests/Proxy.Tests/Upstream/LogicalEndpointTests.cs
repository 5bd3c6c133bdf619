using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>The endpoint of a LOGICAL_DNS cluster, whose address changes.</summary>
public sealed class LogicalEndpointTests
{
    private readonly ClusterStore _store = new(new StatRegistry(), [], TimeProvider.System);

    [Fact]
    public void A_logical_endpoint_is_the_same_at_another_address()
    {
        var state = Build(isLogical: true, "10.0.0.1");
        Build(isLogical: true, "10.0.0.2").Should().BeSameAs(state);
        _store.RetireLeaving();
        state.IsRetired.Should().BeFalse();
        state.Address.Should().Be(new SocketEndpoint(IPAddress.Parse("10.0.0.2"), 80));
    }

    [Fact]
    public void Any_other_endpoint_is_its_address()
    {
        var state = Build(isLogical: false, "10.0.0.1");
        Build(isLogical: false, "10.0.0.2").Should().NotBeSameAs(state);
        _store.RetireLeaving();
        state.IsRetired.Should().BeTrue();
    }

    private EndpointState Build(bool isLogical, string address) => _store
        .Build(new ClusterSpecification(
            new ClusterConfig { Name = "c" }, [new EndpointConfig { Address = new SocketEndpoint(IPAddress.Parse(address), 80), IsLogical = isLogical }]))
        .Endpoints.Single().State;
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Transport;

/// <summary>How many clients a limit of descriptors is good for.</summary>
public sealed class DescriptorBudgetTests
{
    [Theory]
    [InlineData(200, 100, 18)]
    [InlineData(1024, 24, 468)]
    [InlineData(20_000, 100, 14_804)]
    [InlineData(10, 10, 1)]
    public void Clients_get_what_leaves_room_for_their_upstreams(long limit, long others, long clients)
    {
        var budget = new DescriptorBudget(limit, others);

        budget.MayAccept(clients - 1).Should().BeTrue();
        budget.MayAccept(clients).Should().BeFalse();
    }

    [Fact]
    public void No_client_is_accepted_where_only_the_reserve_is_left()
    {
        var budget = new DescriptorBudget(limit: 100);
        for (var i = 0; i < 36; i++)
        {
            budget.MayAccept(0).Should().BeTrue();
            budget.Take();
        }

        budget.MayAccept(0).Should().BeFalse();
        budget.Return();
        budget.MayAccept(0).Should().BeTrue();
    }
}

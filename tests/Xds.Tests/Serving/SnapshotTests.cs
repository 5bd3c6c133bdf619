using AwesomeAssertions;
using KubeProxyNet.Xds.Serving;
using static KubeProxyNet.Xds.Tests.SampleResources;

namespace KubeProxyNet.Xds.Tests.Serving;

public sealed class SnapshotTests
{
    [Fact]
    public void Equal_content_has_an_equal_version_whatever_the_order()
    {
        var one = Snapshot.Create([Cluster("a"), Cluster("b")]);
        var other = Snapshot.Create([Cluster("b"), Cluster("x"), Cluster("a", 2)]).With([XdsResource.Create(Cluster("a"))], [new(XdsTypeUrls.Cluster, "x")]);
        other[XdsTypeUrls.Cluster].Version.Should().Be(one[XdsTypeUrls.Cluster].Version);
    }

    [Fact]
    public void Other_content_has_another_version() =>
        Snapshot.Create([Cluster("a")])[XdsTypeUrls.Cluster].Version.Should().NotBe(Snapshot.Create([Cluster("a", 2)])[XdsTypeUrls.Cluster].Version);

    [Fact]
    public void A_change_of_one_type_shares_the_others()
    {
        var before = Snapshot.Create([Cluster("a"), Endpoints("a"), Endpoints("b")]);
        var after = before.With([XdsResource.Create(Endpoints("a", 81))], []);
        after[XdsTypeUrls.Cluster].Should().BeSameAs(before[XdsTypeUrls.Cluster]);
        after[XdsTypeUrls.ClusterLoadAssignment].ByName["b"].Should().BeSameAs(before[XdsTypeUrls.ClusterLoadAssignment].ByName["b"]);
        after[XdsTypeUrls.ClusterLoadAssignment].ByName["a"].Version.Should().NotBe(before[XdsTypeUrls.ClusterLoadAssignment].ByName["a"].Version);
    }

    [Fact]
    public void Names_that_lead_nowhere_are_found() =>
        Snapshot.Create([Cluster("a"), Listener("l", "r"), Routes("other", "a", "b")]).Validate().Should().Equal(
            "Cluster \"a\" names ClusterLoadAssignment \"a\", which does not exist",
            "Listener \"l\" names RouteConfiguration \"r\", which does not exist",
            "RouteConfiguration \"other\" names Cluster \"b\", which does not exist");

    [Fact]
    public void A_consistent_snapshot_has_none() =>
        Snapshot.Create([Cluster("a"), Endpoints("a"), Listener("l", "r"), Routes("r", "a")]).Validate().Should().BeEmpty();

    [Fact]
    public void A_resource_survives_the_wire()
    {
        var resource = XdsResource.Create(Listener("l", "r"));
        resource.Body.Unpack<Envoy.Config.Listener.V3.Listener>().Should().Be(Listener("l", "r"));
        resource.Name.Should().Be("l");
    }

    [Fact]
    public void What_has_no_name_is_no_resource()
    {
        var create = () => XdsResource.Create(new Envoy.Config.Cluster.V3.Cluster());
        create.Should().Throw<ArgumentException>();
    }
}

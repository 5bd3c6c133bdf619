using AwesomeAssertions;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Xds.Protocol;
using static KubeProxyNet.Xds.Tests.SampleResources;

namespace KubeProxyNet.Xds.Tests.Protocol;

public sealed class AdsClientSessionTests
{
    private readonly AdsClientSession _session = new(new Node { Id = "n" });

    private static DiscoveryResponse Response(string typeUrl, string version, string nonce, params IMessage[] resources)
    {
        var response = new DiscoveryResponse { TypeUrl = typeUrl, VersionInfo = version, Nonce = nonce };
        response.Resources.AddRange(resources.Select(Any.Pack));
        return response;
    }

    private List<DiscoveryRequest> Drain()
    {
        var requests = new List<DiscoveryRequest>();
        while (_session.TryNext() is { } request)
        {
            requests.Add(request);
        }

        return requests;
    }

    [Fact]
    public void Nothing_is_due_without_a_stream()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.TryNext().Should().BeNull();
    }

    [Fact]
    public void The_first_request_alone_carries_the_node_and_clusters_come_first()
    {
        _session.SubscribeToAll(XdsTypeUrls.Listener);
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.BeginStream();
        var requests = Drain();
        requests.Select(request => request.TypeUrl).Should().Equal(XdsTypeUrls.Cluster, XdsTypeUrls.Listener);
        requests.Select(request => request.Node?.Id).Should().Equal("n", null);
        requests.Should().OnlyContain(request => request.ResponseNonce.Length == 0 && request.VersionInfo.Length == 0 && request.ResourceNames.Count == 0);
    }

    [Fact]
    public void A_good_response_is_acknowledged_with_its_version_and_nonce()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.BeginStream();
        Drain();
        var update = _session.Receive(Response(XdsTypeUrls.Cluster, "v1", "1", Cluster("a")))!;
        update.Resources.Select(resource => resource.Name).Should().Equal("a");
        _session.TryNext().Should().BeNull();
        _session.Complete(update);
        var ack = Drain().Single();
        (ack.VersionInfo, ack.ResponseNonce).Should().Be(("v1", "1"));
        ack.ErrorDetail.Should().BeNull();
    }

    [Fact]
    public void A_bad_resource_is_refused_by_name_and_the_version_stays()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.BeginStream();
        Drain();
        _session.Complete(_session.Receive(Response(XdsTypeUrls.Cluster, "v1", "1", Cluster("a")))!);
        Drain();
        var bad = Cluster("b");
        bad.EdsClusterConfig = null;
        var update = _session.Receive(Response(XdsTypeUrls.Cluster, "v2", "2", Cluster("a", 2), bad))!;
        update.Resources.Select(resource => resource.Name).Should().Equal("a");
        update.Removed.Should().BeEmpty();
        _session.Complete(update, [new AdsRejection("a", "no such certificate")]);
        var nack = Drain().Single();
        (nack.VersionInfo, nack.ResponseNonce, nack.ErrorDetail.Code).Should().Be(("v1", "2", 3));
        nack.ErrorDetail.Message.Should().Be(
            "b: eds_cluster_config: a cluster of type EDS needs eds_cluster_config; add eds_cluster_config with an eds_config\na: no such certificate");
    }

    [Fact]
    public void Garbage_is_refused_and_takes_nothing_away()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.BeginStream();
        Drain();
        _session.Complete(_session.Receive(Response(XdsTypeUrls.Cluster, "v1", "1", Cluster("a")))!);
        Drain();
        var garbage = Response(XdsTypeUrls.Cluster, "v2", "2", Listener("l", "r"));
        garbage.Resources.Add(new Any { TypeUrl = XdsTypeUrls.Cluster, Value = ByteString.CopyFrom(0xFF, 0xFF) });
        var update = _session.Receive(garbage)!;
        update.Resources.Should().BeEmpty();
        update.Removed.Should().BeEmpty();
        _session.Complete(update);
        var nack = Drain().Single();
        nack.ErrorDetail.Message.Should().StartWith($"#0: is a \"{XdsTypeUrls.Listener}\" in a response of another type\n#1: ").And.Contain("is not a well-formed");
    }

    [Fact]
    public void What_a_full_set_leaves_out_is_gone()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.BeginStream();
        _session.Complete(_session.Receive(Response(XdsTypeUrls.Cluster, "v1", "1", Cluster("a"), Cluster("b")))!);
        _session.Receive(Response(XdsTypeUrls.Cluster, "v2", "2", Cluster("b")))!.Removed.Should().Equal("a");
    }

    [Fact]
    public void A_named_listener_that_a_response_leaves_out_does_not_exist()
    {
        _session.Subscribe(XdsTypeUrls.Listener, ["x", "y"]);
        _session.BeginStream();
        _session.Receive(Response(XdsTypeUrls.Listener, "v1", "1", Listener("x", "r")))!.Removed.Should().Equal("y");
    }

    [Fact]
    public void A_part_of_the_endpoints_takes_nothing_away()
    {
        _session.Subscribe(XdsTypeUrls.ClusterLoadAssignment, ["a", "b"]);
        _session.BeginStream();
        _session.Outstanding(XdsTypeUrls.ClusterLoadAssignment).Should().Equal("a", "b");
        _session.Complete(_session.Receive(Response(XdsTypeUrls.ClusterLoadAssignment, "v1", "1", Endpoints("a"), Endpoints("c")))!);
        var update = _session.Receive(Response(XdsTypeUrls.ClusterLoadAssignment, "v2", "2", Endpoints("c")))!;
        update.Resources.Should().BeEmpty();
        update.Removed.Should().BeEmpty();
        _session.Outstanding(XdsTypeUrls.ClusterLoadAssignment).Should().Equal("b");
    }

    [Fact]
    public void A_resource_that_stands_twice_is_refused()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.BeginStream();
        _session.Receive(Response(XdsTypeUrls.Cluster, "v1", "1", Cluster("a"), Cluster("a", 2)))!.Rejections
            .Should().Equal(new AdsRejection("a", "stands twice in the response"));
    }

    [Fact]
    public void A_subscription_that_an_update_makes_necessary_leaves_before_its_acknowledgement()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.BeginStream();
        Drain();
        var update = _session.Receive(Response(XdsTypeUrls.Cluster, "v1", "1", Cluster("a")))!;
        _session.Subscribe(XdsTypeUrls.ClusterLoadAssignment, ["a"]);
        _session.Complete(update);
        Drain().Select(request => request.TypeUrl).Should().Equal(XdsTypeUrls.ClusterLoadAssignment, XdsTypeUrls.Cluster);
    }

    [Fact]
    public void A_changed_subscription_repeats_version_and_nonce_and_drops_the_old_error()
    {
        _session.Subscribe(XdsTypeUrls.RouteConfiguration, ["r"]);
        _session.BeginStream();
        Drain();
        _session.Complete(_session.Receive(Response(XdsTypeUrls.RouteConfiguration, "v1", "1", Routes("r")))!, [new AdsRejection("r", "no")]);
        Drain().Single().ErrorDetail.Should().NotBeNull();
        _session.Subscribe(XdsTypeUrls.RouteConfiguration, ["r", "s"]);
        var request = Drain().Single();
        (request.VersionInfo, request.ResponseNonce).Should().Be(("", "1"));
        request.ErrorDetail.Should().BeNull();
        request.ResourceNames.Should().Equal("r", "s");
        _session.Subscribe(XdsTypeUrls.RouteConfiguration, ["s", "r"]);
        Drain().Should().BeEmpty();
    }

    [Fact]
    public void A_new_stream_begins_where_the_last_one_ended()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.Subscribe(XdsTypeUrls.ClusterLoadAssignment, ["a"]);
        _session.BeginStream();
        var late = _session.Receive(Response(XdsTypeUrls.Cluster, "v1", "1", Cluster("a")))!;
        _session.EndStream();
        _session.TryNext().Should().BeNull();
        _session.BeginStream();
        Drain();
        _session.Receive(Response(XdsTypeUrls.Cluster, "v2", "1", Cluster("a")));
        _session.Complete(late);
        Drain().Should().BeEmpty("the nonce is that of another stream");
        _session.EndStream();
        _session.BeginStream();
        var requests = Drain();
        requests.Select(request => (request.VersionInfo, request.ResponseNonce, request.Node?.Id)).Should().Equal(("v1", "", "n"), ("", "", null));
    }

    [Fact]
    public void After_a_response_that_was_taken_in_part_a_new_stream_asks_for_everything()
    {
        _session.SubscribeToAll(XdsTypeUrls.Cluster);
        _session.BeginStream();
        _session.Complete(_session.Receive(Response(XdsTypeUrls.Cluster, "v1", "1", Cluster("a")))!);
        _session.Complete(_session.Receive(Response(XdsTypeUrls.Cluster, "v2", "2", Cluster("a")))!, [new AdsRejection("a", "no")]);
        _session.AcceptedVersion(XdsTypeUrls.Cluster).Should().Be("v1");
        _session.BeginStream();
        Drain().Single().VersionInfo.Should().BeEmpty();
    }

    [Fact]
    public void A_response_of_a_type_that_nobody_wants_is_passed_over()
    {
        _session.BeginStream();
        _session.Receive(Response(XdsTypeUrls.Secret, "v1", "1")).Should().BeNull();
    }

    [Fact]
    public void A_subscription_to_nothing_is_not_sent_as_one_to_everything()
    {
        _session.Subscribe(XdsTypeUrls.Listener, []);
        _session.Subscribe(XdsTypeUrls.RouteConfiguration, ["r"]);
        _session.BeginStream();
        Drain();
        _session.Subscribe(XdsTypeUrls.RouteConfiguration, []);
        Drain().Single().ResourceNames.Should().BeEmpty();
        _session.BeginStream();
        Drain().Should().BeEmpty();
    }

    [Fact]
    public void Endpoints_have_no_wildcard()
    {
        var subscribe = () => _session.SubscribeToAll(XdsTypeUrls.ClusterLoadAssignment);
        subscribe.Should().Throw<ArgumentException>();
    }
}

using AwesomeAssertions;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using KubeProxyNet.Xds.Protocol;
using KubeProxyNet.Xds.Serving;
using static KubeProxyNet.Xds.Tests.SampleResources;

namespace KubeProxyNet.Xds.Tests.Protocol;

public sealed class AdsServerSessionTests
{
    private readonly AdsServerSession _session = new("test");

    private static DiscoveryRequest Request(string typeUrl, string version = "", string nonce = "", string? error = null, params string[] names)
    {
        var request = new DiscoveryRequest { TypeUrl = typeUrl, VersionInfo = version, ResponseNonce = nonce, Node = new Node { Id = "n" } };
        request.ResourceNames.AddRange(names);
        request.ErrorDetail = error is null ? null : new Google.Rpc.Status { Code = 3, Message = error };
        return request;
    }

    private DiscoveryResponse Next() => _session.TryNext() ?? throw new InvalidOperationException("nothing to send");

    private AdsRequestKind Subscribe(string typeUrl, params string[] names) => _session.Receive(Request(typeUrl, names: names)).Kind;

    private AdsRequestKind Accept(DiscoveryResponse response, params string[] names) =>
        _session.Receive(Request(response.TypeUrl, response.VersionInfo, response.Nonce, names: names)).Kind;

    private AdsRequestKind Refuse(DiscoveryResponse response, params string[] names) =>
        _session.Receive(Request(response.TypeUrl, "", response.Nonce, "no", names)).Kind;

    private static string[] Names(DiscoveryResponse response) => response.TypeUrl == XdsTypeUrls.Cluster
        ? [.. response.Resources.Select(resource => resource.Unpack<Envoy.Config.Cluster.V3.Cluster>().Name)]
        : response.TypeUrl == XdsTypeUrls.Listener ? [.. response.Resources.Select(resource => resource.Unpack<Envoy.Config.Listener.V3.Listener>().Name)]
        : response.TypeUrl == XdsTypeUrls.RouteConfiguration ? [.. response.Resources.Select(resource => resource.Unpack<Envoy.Config.Route.V3.RouteConfiguration>().Name)]
        : [.. response.Resources.Select(resource => resource.Unpack<Envoy.Config.Endpoint.V3.ClusterLoadAssignment>().ClusterName)];

    private static Snapshot Sample(params IMessage[] messages) => Snapshot.Create(messages);

    [Fact]
    public void Nothing_is_sent_before_there_is_a_snapshot()
    {
        Subscribe(XdsTypeUrls.Cluster);
        _session.TryNext().Should().BeNull();
        _session.IsSettled.Should().BeFalse();
        _session.SetSnapshot(Snapshot.Empty);
        Next().Resources.Should().BeEmpty();
    }

    [Fact]
    public void One_response_of_a_type_is_under_way_at_a_time()
    {
        Subscribe(XdsTypeUrls.Cluster);
        _session.SetSnapshot(Sample(Cluster("a")));
        var first = Next();
        _session.SetSnapshot(Sample(Cluster("a", 2)));
        _session.SetSnapshot(Sample(Cluster("a", 3)));
        _session.TryNext().Should().BeNull();
        Accept(first).Should().Be(AdsRequestKind.Acknowledged);
        var second = Next();
        second.VersionInfo.Should().Be(Sample(Cluster("a", 3))[XdsTypeUrls.Cluster].Version);
        Accept(second);
        _session.TryNext().Should().BeNull();
        _session.IsSettled.Should().BeTrue();
        _session.AcknowledgedVersion(XdsTypeUrls.Cluster).Should().Be(second.VersionInfo);
    }

    [Fact]
    public void A_refused_response_is_not_repeated_until_something_changes()
    {
        Subscribe(XdsTypeUrls.Cluster);
        _session.SetSnapshot(Sample(Cluster("a")));
        var response = Next();
        var result = _session.Receive(Request(XdsTypeUrls.Cluster, "", response.Nonce, "a: bad"));
        result.Should().Be(new AdsRequestResult(AdsRequestKind.Rejected, XdsTypeUrls.Cluster, response.VersionInfo, "a: bad"));
        _session.TryNext().Should().BeNull();
        _session.Rejections.Should().ContainKey(XdsTypeUrls.Cluster);
        _session.SetSnapshot(Sample(Cluster("a", 2)));
        Accept(Next()).Should().Be(AdsRequestKind.Acknowledged);
        _session.Rejections.Should().BeEmpty();
    }

    [Fact]
    public void A_stale_answer_is_passed_over()
    {
        Subscribe(XdsTypeUrls.Cluster);
        _session.SetSnapshot(Sample(Cluster("a")));
        var first = Next();
        Accept(first);
        _session.SetSnapshot(Sample(Cluster("a", 2)));
        Next();
        Accept(first).Should().Be(AdsRequestKind.Stale);
        _session.TryNext().Should().BeNull();
    }

    [Fact]
    public void A_request_with_the_nonce_and_an_older_version_only_changes_the_subscription()
    {
        Subscribe(XdsTypeUrls.ClusterLoadAssignment, "a");
        _session.SetSnapshot(Sample(Endpoints("a"), Endpoints("b")));
        var first = Next();
        _session.Receive(Request(XdsTypeUrls.ClusterLoadAssignment, "", first.Nonce, null, "a", "b")).Kind.Should().Be(AdsRequestKind.Subscribed);
        _session.TryNext().Should().BeNull("the first response is not answered");
        Accept(first, "a", "b");
        Names(Next()).Should().Equal("b");
    }

    [Fact]
    public void One_changed_assignment_is_sent_alone()
    {
        var names = Enumerable.Range(0, 1000).Select(i => $"c{i}").ToArray();
        Subscribe(XdsTypeUrls.ClusterLoadAssignment, names);
        var snapshot = Snapshot.Create(names.Select(name => Endpoints(name)));
        _session.SetSnapshot(snapshot);
        var all = Next();
        all.Resources.Should().HaveCount(1000);
        Accept(all, names);
        _session.SetSnapshot(snapshot.With([XdsResource.Create(Endpoints("c7", 81))], []));
        Names(Next()).Should().Equal("c7");
    }

    [Fact]
    public void A_name_that_is_dropped_and_taken_up_again_is_sent_again()
    {
        Subscribe(XdsTypeUrls.ClusterLoadAssignment, "a");
        _session.SetSnapshot(Sample(Endpoints("a")));
        var first = Next();
        Accept(first);
        _session.TryNext().Should().BeNull();
        Accept(first, "a");
        Names(Next()).Should().Equal("a");
    }

    [Fact]
    public void A_name_that_comes_into_being_is_sent_then()
    {
        Subscribe(XdsTypeUrls.RouteConfiguration, "r");
        _session.SetSnapshot(Snapshot.Empty);
        _session.TryNext().Should().BeNull();
        _session.SetSnapshot(Sample(Routes("r")));
        Names(Next()).Should().Equal("r");
    }

    [Fact]
    public void Types_follow_each_other_when_the_one_before_was_answered()
    {
        Subscribe(XdsTypeUrls.RouteConfiguration, "r");
        Subscribe(XdsTypeUrls.Listener);
        Subscribe(XdsTypeUrls.ClusterLoadAssignment, "a");
        Subscribe(XdsTypeUrls.Cluster);
        _session.SetSnapshot(Sample(Cluster("a"), Endpoints("a"), Listener("l", "r"), Routes("r", "a")));
        var order = new List<string>();
        while (_session.TryNext() is { } response)
        {
            order.Add(response.TypeUrl);
            _session.TryNext().Should().BeNull();
            Accept(response, response.TypeUrl == XdsTypeUrls.RouteConfiguration ? ["r"] : response.TypeUrl == XdsTypeUrls.ClusterLoadAssignment ? ["a"] : []);
        }

        order.Should().Equal(XdsTypeUrls.Cluster, XdsTypeUrls.ClusterLoadAssignment, XdsTypeUrls.Listener, XdsTypeUrls.RouteConfiguration);
        _session.IsSettled.Should().BeTrue();
    }

    [Fact]
    public void A_cluster_leaves_after_the_routes_that_named_it()
    {
        Subscribe(XdsTypeUrls.Cluster);
        Subscribe(XdsTypeUrls.RouteConfiguration, "r");
        _session.SetSnapshot(Sample(Cluster("old"), Routes("r", "old")));
        Accept(Next());
        Accept(Next(), "r");
        _session.SetSnapshot(Sample(Cluster("new"), Routes("r", "new")));
        var both = Next();
        Names(both).Should().Equal("new", "old");
        Accept(both);
        var routes = Next();
        routes.TypeUrl.Should().Be(XdsTypeUrls.RouteConfiguration);
        _session.TryNext().Should().BeNull();
        Accept(routes, "r");
        Names(Next()).Should().Equal("new");
    }

    [Fact]
    public void A_cluster_stays_while_the_proxy_refuses_the_new_routes()
    {
        Subscribe(XdsTypeUrls.Cluster);
        Subscribe(XdsTypeUrls.RouteConfiguration, "r");
        _session.SetSnapshot(Sample(Cluster("old"), Routes("r", "old")));
        Accept(Next());
        var first = Next();
        Accept(first, "r");
        _session.SetSnapshot(Sample(Cluster("new"), Routes("r", "new")));
        Accept(Next());
        _session.Receive(Request(XdsTypeUrls.RouteConfiguration, first.VersionInfo, Next().Nonce, "r: no", "r"));
        _session.TryNext().Should().BeNull();
    }

    [Fact]
    public void A_cluster_leaves_though_its_endpoints_were_refused()
    {
        Subscribe(XdsTypeUrls.Cluster);
        Subscribe(XdsTypeUrls.ClusterLoadAssignment, "stays", "old");
        _session.SetSnapshot(Sample(Cluster("stays"), Endpoints("stays"), Cluster("old"), Endpoints("old")));
        Accept(Next());
        var refused = Next();
        Refuse(refused, "stays", "old").Should().Be(AdsRequestKind.Rejected);

        _session.SetSnapshot(Sample(Cluster("stays"), Endpoints("stays")));

        var last = Next();
        Names(last).Should().Equal("stays");
        Accept(last);
        _session.Rejections.Should().ContainKey(XdsTypeUrls.ClusterLoadAssignment, "endpoints that were refused are still asked for");
        _session.TryNext().Should().BeNull();
    }

    [Fact]
    public void What_was_refused_is_forgotten_when_nothing_of_it_is_asked_for_any_more()
    {
        Subscribe(XdsTypeUrls.Cluster);
        Subscribe(XdsTypeUrls.RouteConfiguration, "r");
        _session.SetSnapshot(Sample(Cluster("old"), Routes("r", "old")));
        Accept(Next());
        var routes = Next();
        Refuse(routes, "r");
        _session.SetSnapshot(Snapshot.Empty);
        _session.TryNext().Should().BeNull("the proxy may be using older routes, which name the cluster");

        _session.Receive(Request(XdsTypeUrls.RouteConfiguration, "", routes.Nonce));

        _session.Rejections.Should().BeEmpty();
        Names(Next()).Should().BeEmpty();
    }

    [Fact]
    public void A_refused_listener_that_is_not_asked_for_any_more_is_forgotten()
    {
        Subscribe(XdsTypeUrls.Listener, "x", "y");
        _session.SetSnapshot(Sample(Listener("x", "r"), Listener("z", "r")));
        var response = Next();
        Refuse(response, "x", "y");

        _session.Receive(Request(XdsTypeUrls.Listener, "", response.Nonce, null, "x"));
        _session.Rejections.Should().ContainKey(XdsTypeUrls.Listener);

        _session.Receive(Request(XdsTypeUrls.Listener, "", response.Nonce, null, "y"));
        _session.Rejections.Should().BeEmpty();
    }

    [Fact]
    public void A_proxy_that_comes_back_with_the_same_set_is_not_sent_it_again()
    {
        var snapshot = Sample(Cluster("a"));
        _session.Receive(Request(XdsTypeUrls.Cluster, snapshot[XdsTypeUrls.Cluster].Version));
        _session.SetSnapshot(snapshot);
        _session.TryNext().Should().BeNull();
        _session.IsSettled.Should().BeTrue();
        _session.SetSnapshot(Sample(Cluster("a"), Cluster("b")));
        Names(Next()).Should().Equal("a", "b");
    }

    [Fact]
    public void Listeners_may_be_asked_for_by_name()
    {
        Subscribe(XdsTypeUrls.Listener, "x");
        _session.SetSnapshot(Sample(Listener("x", "r"), Listener("y", "r")));
        Names(Next()).Should().Equal("x");
    }

    [Fact]
    public void A_star_among_names_asks_for_everything()
    {
        Subscribe(XdsTypeUrls.Listener, "*", "x");
        _session.SetSnapshot(Sample(Listener("x", "r"), Listener("y", "r")));
        Names(Next()).Should().Equal("x", "y");
    }

    [Fact]
    public void A_stream_begins_with_a_node_and_knows_its_types()
    {
        _session.Receive(new DiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster }).Kind.Should().Be(AdsRequestKind.Invalid);
        _session.Receive(Request("type.googleapis.com/other")).Kind.Should().Be(AdsRequestKind.UnknownType);
        _session.Node!.Id.Should().Be("n");
    }
}

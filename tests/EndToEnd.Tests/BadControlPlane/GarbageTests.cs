using System.Net;
using System.Net.Sockets;
using AwesomeAssertions;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds;

namespace KubeProxyNet.EndToEnd.Tests.BadControlPlane;

/// <summary>What a control plane sends is checked by the resource: the bad one is refused by name, everything else goes on.</summary>
public sealed class GarbageTests(ConfiguredProxy proxy) : IClassFixture<ConfiguredProxy>
{
    private static readonly Dictionary<string, (string Type, Func<Any> Resource, string Reason)> Kinds = new(StringComparer.Ordinal)
    {
        ["another type"] = (XdsTypeUrls.Cluster, () => Any.Pack(Resources.Routes("strange", "good")), "#1: is a \"type.googleapis.com/envoy.config.route.v3.RouteConfiguration\""),
        ["a type that nobody knows"] = (XdsTypeUrls.Cluster, () => new Any { TypeUrl = "type.googleapis.com/made.up.Thing" }, "#1: is a \"type.googleapis.com/made.up.Thing\""),
        ["no type at all"] = (XdsTypeUrls.Cluster, () => new Any { Value = ByteString.CopyFromUtf8("x") }, "#1: "),
        ["bytes that are no cluster"] = (XdsTypeUrls.Cluster, () => new Any { TypeUrl = XdsTypeUrls.Cluster, Value = ByteString.CopyFrom(0xff, 0xff, 0xff, 0xff) }, "#1: "),
        ["bytes that end too early"] = (XdsTypeUrls.Listener, () => Cut(Resources.Listener("cut", 1, "routes")), "#1: "),
        ["a cluster without a name"] = (XdsTypeUrls.Cluster, () => Any.Pack(Resources.Cluster("")), "#1: "),
        ["a name that stands twice"] = (XdsTypeUrls.Cluster, () => Any.Pack(Resources.Cluster("good")), "good: stands twice"),
        ["a connect timeout below zero"] = (XdsTypeUrls.Cluster, () => Any.Pack(With(Resources.Cluster("bad"), c => c.ConnectTimeout = new Duration { Seconds = -5 })), "bad: connect_timeout"),
        ["an enum value that nobody knows"] = (XdsTypeUrls.Cluster, () => Any.Pack(With(Resources.Cluster("bad"), c => c.LbPolicy = (Cluster.Types.LbPolicy)77)), "bad: lb_policy"),
        ["a bad regular expression"] = (XdsTypeUrls.RouteConfiguration, () => Any.Pack(With(Resources.Routes("routes", "good"), r => r.VirtualHosts[0].Routes[0].Match = Regex("/a("))), "routes: virtual_hosts[0].routes[0].match.safe_regex.regex"),
        ["a domain that stands twice"] = (XdsTypeUrls.RouteConfiguration, () => Any.Pack(With(Resources.Routes("routes", "good"), r => r.VirtualHosts.Add(new VirtualHost { Name = "other", Domains = { "*" } }))), "routes: virtual_hosts[1].domains[0]"),
        ["a route without an action"] = (XdsTypeUrls.RouteConfiguration, () => Any.Pack(With(Resources.Routes("routes", "good"), r => r.VirtualHosts[0].Routes[0].ClearAction())), "routes: virtual_hosts[0].routes[0]"),
        ["an address that is none"] = (XdsTypeUrls.ClusterLoadAssignment, () => Any.Pack(Resources.Endpoints("good", 80, "not an address")), "good: endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address"),
        ["a port that is none"] = (XdsTypeUrls.ClusterLoadAssignment, () => Any.Pack(Resources.Endpoints("good", 70_000)), "good: endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value"),
        ["a listener without an address"] = (XdsTypeUrls.Listener, () => Any.Pack(With(Resources.Listener("bad", 1, "routes"), l => l.Address = null)), "bad: address"),
        ["a listener without filter chains"] = (XdsTypeUrls.Listener, () => Any.Pack(With(Resources.Listener("bad", 1, "routes"), l => l.FilterChains.Clear())), "bad: filter_chains"),
        ["a filter that nobody knows"] = (XdsTypeUrls.Listener, () => Any.Pack(With(Resources.Listener("bad", 1, "routes"), l => l.FilterChains[0].Filters[0].TypedConfig = new Any { TypeUrl = "type.googleapis.com/made.up.Filter" })), "bad: filter_chains[0].filters[0].typed_config"),
    };

    public static TheoryData<string> KindNames => [.. Kinds.Keys];

    [Theory]
    [MemberData(nameof(KindNames))]
    public async Task Garbage_among_good_resources_is_refused_by_name_and_the_good_ones_stay(string kind)
    {
        var (type, resource, reason) = Kinds[kind];
        var replaces = type is XdsTypeUrls.RouteConfiguration or XdsTypeUrls.ClusterLoadAssignment;
        var good = proxy.Good(type);

        var answer = await proxy.ControlPlane.PushAsync(type, "bad", replaces ? [resource()] : [.. good, resource()]);

        answer.VersionInfo.Should().Be("good");
        answer.ErrorDetail.Should().NotBeNull();
        answer.ErrorDetail.Message.Should().Contain(reason);
        (await proxy.GetAsync()).Status.Should().Be(200);

        // And the way back is open.
        answer = await proxy.ControlPlane.PushAsync(type, "good", good);
        answer.ErrorDetail.Should().BeNull();
        answer.VersionInfo.Should().Be("good");
        (await proxy.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task The_good_resources_of_a_response_with_a_bad_one_go_live()
    {
        var clusters = await proxy.ControlPlane.PushAsync(XdsTypeUrls.Cluster, "partly", Resources.Cluster(""), Resources.Cluster("good"), Resources.Cluster("new"));
        await proxy.ControlPlane.PushAsync(XdsTypeUrls.ClusterLoadAssignment, "partly", Resources.Endpoints("good", proxy.Backend.Port), Resources.Endpoints("new", proxy.Backend.Port));
        await proxy.ControlPlane.PushAsync(XdsTypeUrls.RouteConfiguration, "partly", Resources.Routes("routes", "good", "new"));

        clusters.ErrorDetail.Message.Should().Contain("#0: ");
        (await proxy.GetAsync("/new")).Status.Should().Be(200);
        (await proxy.GetAsync("/good")).Status.Should().Be(200);

        // An acknowledged set without the new one takes it away again.
        await proxy.ControlPlane.PushAsync(XdsTypeUrls.RouteConfiguration, "good", proxy.Good(XdsTypeUrls.RouteConfiguration));
        (await proxy.ControlPlane.PushAsync(XdsTypeUrls.Cluster, "good", proxy.Good(XdsTypeUrls.Cluster))).ErrorDetail.Should().BeNull();
        await proxy.ControlPlane.PushAsync(XdsTypeUrls.ClusterLoadAssignment, "good", proxy.Good(XdsTypeUrls.ClusterLoadAssignment));
        (await proxy.GetAsync("/new")).Status.Should().Be(404);
    }

    [Fact]
    public async Task A_listener_on_a_port_in_use_is_refused_and_opens_once_the_port_is_free()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var port = FreePort.Take();
        holder.Bind(new IPEndPoint(IPAddress.Loopback, port));
        holder.Listen();
        var second = Resources.Listener("second", port, "routes");

        var refused = await proxy.ControlPlane.PushAsync(XdsTypeUrls.Listener, "taken", [.. proxy.Good(XdsTypeUrls.Listener), second]);

        refused.ErrorDetail.Message.Should().Contain("second: cannot listen on").And.Contain($"{port}").And.Contain("in use");
        (await proxy.GetAsync()).Status.Should().Be(200);
        holder.Dispose();
        var accepted = await proxy.ControlPlane.PushAsync(XdsTypeUrls.Listener, "free", [.. proxy.Good(XdsTypeUrls.Listener), second]);
        accepted.ErrorDetail.Should().BeNull();
        (await RawHttpClient.GetAsync(port, "/good")).Status.Should().Be(200);
        await proxy.ControlPlane.PushAsync(XdsTypeUrls.Listener, "good", proxy.Good(XdsTypeUrls.Listener));
    }

    [Fact]
    public async Task A_listener_that_is_to_move_to_a_port_in_use_stays_where_it_was()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var port = FreePort.Take();
        holder.Bind(new IPEndPoint(IPAddress.Loopback, port));
        holder.Listen();

        var refused = await proxy.ControlPlane.PushAsync(XdsTypeUrls.Listener, "taken", Resources.Listener("http", port, "routes"));

        refused.ErrorDetail.Message.Should().Contain("http: cannot listen on");
        (await proxy.GetAsync()).Status.Should().Be(200);

        // Not even another listener's coming and going moves it.
        var other = FreePort.Take();
        await proxy.ControlPlane.PushAsync(XdsTypeUrls.Listener, "other", Resources.Listener("http", port, "routes"), Resources.Listener("other", other, "routes"));
        (await RawHttpClient.GetAsync(other, "/good")).Status.Should().Be(200);
        (await proxy.GetAsync()).Status.Should().Be(200);
        (await RawHttpClient.GetAsync(proxy.AdminPort, "/listeners")).BodyText.Should().Contain($"{proxy.HttpPort}");
        (await proxy.ControlPlane.PushAsync(XdsTypeUrls.Listener, "good", proxy.Good(XdsTypeUrls.Listener))).ErrorDetail.Should().BeNull();
        (await proxy.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Two_listeners_on_one_address_are_one_too_many()
    {
        var answer = await proxy.ControlPlane.PushAsync(
            XdsTypeUrls.Listener, "twice", [.. proxy.Good(XdsTypeUrls.Listener), Resources.Listener("second", proxy.HttpPort, "routes")]);

        answer.ErrorDetail.Message.Should().Contain("second: ").And.Contain($"{proxy.HttpPort}");
        (await proxy.GetAsync()).Status.Should().Be(200);
        await proxy.ControlPlane.PushAsync(XdsTypeUrls.Listener, "good", proxy.Good(XdsTypeUrls.Listener));
    }

    [Fact]
    public async Task Responses_that_nobody_asked_for_are_passed_over()
    {
        foreach (var type in new[] { "", "nonsense", "type.googleapis.com/made.up.Thing", XdsTypeUrls.Secret })
        {
            await proxy.ControlPlane.SetAsync(new DiscoveryResponse { TypeUrl = type, VersionInfo = "x", Resources = { new Any { TypeUrl = type } } });
        }

        (await proxy.ControlPlane.PushAsync(XdsTypeUrls.Cluster, "good", proxy.Good(XdsTypeUrls.Cluster))).ErrorDetail.Should().BeNull();
        (await proxy.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Random_bytes_of_every_type_never_end_the_stream()
    {
        var random = new Random(20_260_101);
        foreach (var type in XdsTypeUrls.InServingOrder.Where(type => type != XdsTypeUrls.Secret))
        {
            var good = proxy.Good(type)[0].ToByteArray();
            for (var i = 0; i < 40; i++)
            {
                var bytes = (byte[])good.Clone();
                for (var flips = random.Next(1, 6); flips > 0; flips--)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }

                await proxy.ControlPlane.PushAsync(type, $"random-{i}", new Any { TypeUrl = type, Value = ByteString.CopyFrom(bytes) });
            }

            await proxy.ControlPlane.PushAsync(type, "good", proxy.Good(type));
        }

        // Whatever of it was taken for good is gone with the good set.
        foreach (var type in XdsTypeUrls.InServingOrder.Where(type => type != XdsTypeUrls.Secret))
        {
            (await proxy.ControlPlane.PushAsync(type, "good", proxy.Good(type))).ErrorDetail.Should().BeNull();
        }

        (await proxy.GetAsync()).Status.Should().Be(200);
        proxy.Proxy.Error.Should().NotContain("met a bug");
        proxy.ControlPlane.Requests.Count(request => request.Node is not null).Should().Be(1, "there was only one stream");
    }

    private static RouteMatch Regex(string regex) => new() { SafeRegex = new RegexMatcher { Regex = regex } };

    private static T With<T>(T message, Action<T> change)
    {
        change(message);
        return message;
    }

    private static Any Cut(IMessage message)
    {
        var whole = Any.Pack(message);
        return new Any { TypeUrl = whole.TypeUrl, Value = ByteString.CopyFrom(whole.Value.Span[..^3]) };
    }
}

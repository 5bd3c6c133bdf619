using System.Net;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>Which filter chain a connection gets, in Envoy's order.</summary>
public sealed class FilterChainTableTests
{
    private static FilterChainMatch Names(params string[] names) => new() { ServerNames = new ValueList<string>(names) };

    private static ValueList<CidrRange> Ranges(params string[] ranges) =>
        new(ranges.Select(static range => new CidrRange(IPAddress.Parse(range.Split('/')[0]), int.Parse(range.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture))));

    private static int Find(FilterChainMatch[] matches, string destination = "10.0.0.1:443", string source = "192.168.0.9:5000", string name = "", string transport = "", string protocols = "")
    {
        var table = FilterChainTable.Build(matches, out _);
        table.Should().NotBeNull();
        return table!.Find(new ConnectionFacts
        {
            Destination = Endpoint(destination),
            Source = Endpoint(source),
            ServerName = Encoding.ASCII.GetBytes(name),
            TransportProtocol = Encoding.ASCII.GetBytes(transport),
            ApplicationProtocols = [.. protocols.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(static protocol => Encoding.ASCII.GetBytes(protocol).Prepend((byte)protocol.Length))],
        });
    }

    private static SocketEndpoint Endpoint(string text)
    {
        var endpoint = IPEndPoint.Parse(text);
        return new SocketEndpoint(endpoint.Address, endpoint.Port);
    }

    [Theory]
    [InlineData("www.a.b", 0)]
    [InlineData("x.a.b", 1)]
    [InlineData("x.y.a.b", 1)]
    [InlineData("a.b", 2)]
    [InlineData("c.b", 2)]
    [InlineData("b", 3)]
    [InlineData("", 3)]
    [InlineData("elsewhere.example", 3)]
    public void A_whole_name_goes_before_the_longest_wildcard_and_that_before_none(string name, int index) =>
        Find([Names("www.a.b"), Names("*.a.b"), Names("*.b"), FilterChainMatch.Any], name: name).Should().Be(index);

    [Fact]
    public void Without_any_that_fits_there_is_none() => Find([Names("a")], name: "b").Should().Be(-1);

    [Fact]
    public void A_chain_for_the_port_hides_those_for_all_ports() =>
        Find([new FilterChainMatch { DestinationPort = 443, ServerNames = new ValueList<string>(["a"]) }, FilterChainMatch.Any], name: "b").Should().Be(-1);

    [Fact]
    public void The_longest_prefix_decides()
    {
        FilterChainMatch[] matches =
        [
            new() { DestinationRanges = Ranges("10.0.0.0/8") },
            new() { DestinationRanges = Ranges("10.0.0.0/24", "fd00::/8") },
            new() { DestinationRanges = Ranges("0.0.0.0/0") },
        ];
        Find(matches, destination: "10.0.0.7:1").Should().Be(1);
        Find(matches, destination: "10.9.0.7:1").Should().Be(0);
        Find(matches, destination: "11.0.0.7:1").Should().Be(2);
        Find(matches, destination: "[fd00::1]:1").Should().Be(1);
        Find(matches, destination: "[fe00::1]:1").Should().Be(-1);
    }

    [Fact]
    public void The_transport_is_plain_text_where_nothing_else_was_found()
    {
        FilterChainMatch[] matches = [new() { TransportProtocol = "tls" }, new() { TransportProtocol = "raw_buffer" }];
        Find(matches).Should().Be(1);
        Find(matches, transport: "tls").Should().Be(0);
    }

    [Fact]
    public void The_first_protocol_that_the_client_offers_and_a_chain_has_decides()
    {
        FilterChainMatch[] matches =
        [
            new() { ApplicationProtocols = new ValueList<string>(["http/1.1"]) }, new() { ApplicationProtocols = new ValueList<string>(["h2", "acme"]) }, FilterChainMatch.Any,
        ];
        Find(matches, protocols: "x h2 http/1.1").Should().Be(1);
        Find(matches, protocols: "http/1.1 h2").Should().Be(0);
        Find(matches, protocols: "x").Should().Be(2);
        Find(matches).Should().Be(2);
    }

    [Theory]
    [InlineData("127.0.0.1:1", 0)]
    [InlineData("10.0.0.1:1", 0)]
    [InlineData("[::1]:1", 0)]
    [InlineData("10.0.0.2:1", 1)]
    public void Who_is_on_this_machine_is_told_from_who_is_not(string source, int index) =>
        Find([new() { SourceType = ConnectionSourceType.SameIpOrLoopback }, new() { SourceType = ConnectionSourceType.External }, FilterChainMatch.Any], source: source).Should().Be(index);

    [Fact]
    public void Sources_are_told_by_address_and_then_by_port()
    {
        FilterChainMatch[] matches =
        [
            new() { SourceRanges = Ranges("192.168.0.0/16"), SourcePorts = new ValueList<int>([5000]) },
            new() { SourceRanges = Ranges("192.168.0.0/16") },
            new() { SourcePorts = new ValueList<int>([7000]) },
            new() { DirectSourceRanges = Ranges("172.16.0.0/12") },
        ];
        Find(matches).Should().Be(0);
        Find(matches, source: "192.168.1.1:6000").Should().Be(1);
        Find(matches, source: "1.1.1.1:7000").Should().Be(2);
        Find(matches, source: "172.16.0.9:7000").Should().Be(3, "the address of the peer goes before what is left");
    }

    [Fact]
    public void A_name_goes_before_protocol_and_source_without_a_way_back() =>
        Find([new() { ServerNames = new ValueList<string>(["a"]), TransportProtocol = "raw_buffer" }, FilterChainMatch.Any], name: "a", transport: "tls").Should().Be(-1);

    [Fact]
    public void Matches_that_overlap_are_found()
    {
        FilterChainTable.Build([Names("a", "b"), Names("c"), Names("d", "b")], out var same).Should().BeNull();
        same.Should().Be(new SameMatch(0, 2));
        FilterChainTable.Build([FilterChainMatch.Any, new FilterChainMatch()], out same).Should().BeNull();
        FilterChainTable.Build([Names("a", "a"), Names("*.a")], out _).Should().NotBeNull("a chain may repeat itself");
    }

    [Fact]
    public void Ten_thousand_names_have_their_chains()
    {
        var table = FilterChainTable.Build([.. Enumerable.Range(0, 10_000).Select(static i => Names($"host-{i}.example"))], out _)!;
        for (var i = 0; i < 10_000; i += 997)
        {
            table.Find(new ConnectionFacts
            {
                Destination = Endpoint("10.0.0.1:443"),
                Source = Endpoint("10.0.0.2:1"),
                ServerName = Encoding.ASCII.GetBytes($"host-{i}.example"),
                TransportProtocol = "tls"u8,
            }).Should().Be(i);
        }
    }
}

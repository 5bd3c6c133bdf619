using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Envoy's config.route.v3.VirtualHost.domains.</summary>
public sealed class DomainMatchingTests
{
    private static string? Find(RouteTable table, string authority) => table.Cluster(RequestHeads.Create("GET", "/", authority));

    [Theory]
    [InlineData("foo.com", "foo.com")]
    [InlineData("www.foo.com", "*.foo.com")]
    [InlineData("a.b.foo.com", "*.foo.com")]
    [InlineData("baz-bar.foo.com", "*-bar.foo.com")]
    [InlineData("bar.other", "bar.*")]
    [InlineData("bar.baz.other", "bar.baz.*")]
    [InlineData("other", "*")]
    public void Exact_goes_before_suffix_before_prefix_before_catch_all_and_longer_before_shorter(string authority, string domain) =>
        Find(RouteTables.OfDomains("*", "bar.*", "bar.baz.*", "*.foo.com", "*-bar.foo.com", "foo.com"), authority).Should().Be(domain);

    [Fact]
    public void A_suffix_goes_before_a_longer_prefix() =>
        Find(RouteTables.OfDomains("very.long.prefix.*", "*.com"), "very.long.prefix.com").Should().Be("*.com");

    [Theory]
    [InlineData(".foo.com", "*.foo.com")]
    [InlineData("foo.", "foo.*")]
    public void A_wildcard_does_not_stand_for_nothing(string authority, string domain) =>
        Find(RouteTables.OfDomains(domain), authority).Should().BeNull();

    [Fact]
    public void A_shorter_wildcard_takes_what_the_longer_one_leaves() =>
        Find(RouteTables.OfDomains("*.a.foo.com", "*.foo.com"), ".a.foo.com").Should().Be("*.foo.com");

    [Theory]
    [InlineData("FOO.com")]
    [InlineData("foo.COM")]
    public void Letter_case_does_not_matter(string authority) => Find(RouteTables.OfDomains("Foo.Com"), authority).Should().Be("Foo.Com");

    [Fact]
    public void The_port_is_part_of_the_name()
    {
        var table = RouteTables.OfDomains("foo.com", "foo.com:8080", "bar.com:*");
        Find(table, "foo.com:8080").Should().Be("foo.com:8080");
        Find(table, "foo.com:9090").Should().BeNull();
        Find(table, "bar.com:1").Should().Be("bar.com:*");
    }

    [Theory]
    [InlineData("foo.com:8080", "foo.com")]
    [InlineData("[::1]:80", "[::1]")]
    [InlineData("[::1]", "[::1]")]
    public void Ports_can_be_ignored(string authority, string domain)
    {
        var host = RouteTables.Host("host", [domain], RouteTables.Prefix("/", domain));
        var table = RouteTables.Compile(new RouteConfiguration { VirtualHosts = [host], IgnorePortInHostMatching = true });
        Find(table, authority).Should().Be(domain);
    }

    [Fact]
    public void No_virtual_host_means_no_route() => Find(RouteTables.OfDomains("foo.com"), "bar.com").Should().BeNull();

    [Fact]
    public void A_request_without_host_is_served_only_by_a_table_of_the_catch_all_alone()
    {
        var head = RequestHeads.WithoutHost("/");
        RouteTables.OfDomains("*").Cluster(head).Should().Be("*");
        RouteTables.OfDomains("*", "foo.com").Cluster(head).Should().BeNull();
    }

    [Fact]
    public void A_very_long_host_is_looked_up_too()
    {
        var name = new string('a', 2000);
        Find(RouteTables.OfDomains("*." + name), "x." + name.ToUpperInvariant()).Should().Be("*." + name);
    }

    [Fact]
    public void Ten_thousand_wildcards_all_find_their_host()
    {
        var domains = Enumerable.Range(0, 5000).SelectMany(i => new[] { $"*.s{i}.example.com", $"p{i}.example.*" }).ToArray();
        var table = RouteTables.OfDomains(domains);
        for (var i = 0; i < 5000; i++)
        {
            Find(table, $"x.s{i}.example.com").Should().Be($"*.s{i}.example.com");
            Find(table, $"p{i}.example.net").Should().Be($"p{i}.example.*");
        }
    }

    [Theory]
    [InlineData(TlsRequirement.None, null, RouteKind.Forward)]
    [InlineData(TlsRequirement.All, null, RouteKind.Redirect)]
    [InlineData(TlsRequirement.All, "x-envoy-internal: true", RouteKind.Redirect)]
    [InlineData(TlsRequirement.ExternalOnly, null, RouteKind.Redirect)]
    [InlineData(TlsRequirement.ExternalOnly, "x-envoy-internal: true", RouteKind.Forward)]
    public void Plain_text_is_redirected_where_tls_is_required(TlsRequirement requirement, string? header, RouteKind kind)
    {
        var table = RouteTables.Of(RouteTables.Host("h", ["*"], RouteTables.Prefix("/", "c")) with { RequireTls = requirement });
        table.Match(RequestHeads.Get("http://h/", header is null ? [] : [header])).Route.Kind.Should().Be(kind);
        table.Match(RequestHeads.Get("https://h/")).Route.Kind.Should().Be(RouteKind.Forward);
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Header matchers, query parameter matchers and runtime fractions.</summary>
public sealed class ConditionTests
{
    private static bool Matches(HeaderMatcher matcher, params string[] headers) =>
        RouteTables.Of(RouteTables.Route(new PrefixPath("/"), "c", m => m with { Headers = [matcher] }))
            .Cluster(RequestHeads.Get("http://host:80/path?query", headers)) is not null;

    private static HeaderMatcher Text(StringMatcher matcher, string name = "X-A") => new() { Name = name, Match = new HeaderString(matcher) };

    public static TheoryData<StringMatcher, string, bool> Strings => new()
    {
        { StringMatcher.Exact("abc"), "abc", true },
        { StringMatcher.Exact("abc"), "abcd", false },
        { StringMatcher.Exact("abc"), "ABC", false },
        { StringMatcher.Exact("aBc", ignoreCase: true), "AbC", true },
        { StringMatcher.Exact(""), "", true },
        { StringMatcher.Prefix("ab"), "abc", true },
        { StringMatcher.Prefix("abc"), "ab", false },
        { StringMatcher.Prefix("AB", ignoreCase: true), "abc", true },
        { StringMatcher.Suffix("bc"), "abc", true },
        { StringMatcher.Suffix("ab"), "abc", false },
        { StringMatcher.Suffix("BC", ignoreCase: true), "abc", true },
        { StringMatcher.Contains("b"), "abc", true },
        { StringMatcher.Contains("B"), "abc", false },
        { StringMatcher.Contains("B", ignoreCase: true), "abc", true },
        { StringMatcher.Contains("x", ignoreCase: true), "abc", false },
        { StringMatcher.Regex("a.c"), "abc", true },
        { StringMatcher.Regex("b"), "abc", false },
    };

    [Theory]
    [MemberData(nameof(Strings))]
    public void Strings_are_compared_as_their_kind_says(StringMatcher matcher, string value, bool matches)
    {
        Matches(Text(matcher), $"x-a: {value}").Should().Be(matches);
        Matches(Text(matcher) with { Invert = true }, $"x-a: {value}").Should().Be(!matches);
    }

    [Fact]
    public void A_missing_header_fails_matcher_and_inverted_matcher()
    {
        Matches(Text(StringMatcher.Exact("a"))).Should().BeFalse();
        Matches(Text(StringMatcher.Exact("a")) with { Invert = true }).Should().BeFalse();
    }

    [Fact]
    public void A_missing_header_can_count_as_empty()
    {
        Matches(Text(StringMatcher.Exact("")) with { TreatMissingHeaderAsEmpty = true }).Should().BeTrue();
        Matches(Text(StringMatcher.Exact("a")) with { TreatMissingHeaderAsEmpty = true }).Should().BeFalse();
        Matches(Text(StringMatcher.Exact("a")) with { TreatMissingHeaderAsEmpty = true, Invert = true }).Should().BeTrue();
    }

    [Theory]
    [InlineData(true, false, true, true)]
    [InlineData(true, false, false, false)]
    [InlineData(false, false, true, false)]
    [InlineData(false, false, false, true)]
    [InlineData(true, true, true, false)]
    [InlineData(true, true, false, true)]
    [InlineData(false, true, true, true)]
    [InlineData(false, true, false, false)]
    public void Presence_is_matched(bool present, bool invert, bool sent, bool matches) =>
        Matches(new HeaderMatcher { Name = "x-a", Match = new PresentHeader(present), Invert = invert }, sent ? ["x-a:"] : []).Should().Be(matches);

    [Theory]
    [InlineData("10", true)]
    [InlineData("19", true)]
    [InlineData("20", false)]
    [InlineData("9", false)]
    [InlineData("-1", false)]
    [InlineData("12x", false)]
    [InlineData("", false)]
    [InlineData("99999999999999999999", false)]
    public void A_range_is_half_open_over_integers(string value, bool matches) =>
        Matches(new HeaderMatcher { Name = "x-a", Match = new HeaderRange(10, 20) }, $"x-a: {value}").Should().Be(matches);

    [Theory]
    [InlineData(":method", "GET")]
    [InlineData(":path", "/path?query")]
    [InlineData(":authority", "host:80")]
    [InlineData("Host", "host:80")]
    [InlineData(":scheme", "http")]
    public void Pseudo_headers_can_be_matched(string name, string value)
    {
        Matches(Text(StringMatcher.Exact(value), name)).Should().BeTrue();
        Matches(Text(StringMatcher.Exact("other"), name)).Should().BeFalse();
    }

    [Fact]
    public void Fields_of_one_name_are_matched_as_one_list()
    {
        Matches(Text(StringMatcher.Exact("a,b")), "x-a: a", "x-b: x", "x-a: b").Should().BeTrue();
        Matches(Text(StringMatcher.Exact("a")), "x-a: a", "x-a: b").Should().BeFalse();
        Matches(Text(StringMatcher.Exact(",b")), "x-a:", "x-a: b").Should().BeTrue();
        Matches(Text(StringMatcher.Exact("k=v; l=w"), "cookie"), "cookie: k=v", "cookie: l=w").Should().BeTrue();
        Matches(Text(StringMatcher.Suffix("x")), $"x-a: {new string('a', 4000)}", "x-a: x").Should().BeTrue();
    }

    [Fact]
    public void Known_headers_are_matched_as_any_other() =>
        Matches(Text(StringMatcher.Prefix("curl/"), "User-Agent"), "user-agent: curl/8").Should().BeTrue();

    [Fact]
    public void All_matchers_must_hold()
    {
        var table = RouteTables.Of(RouteTables.Route(new PrefixPath("/"), "c", m => m with
        {
            Headers = [Text(StringMatcher.Exact("1")), Text(StringMatcher.Exact("2"), "x-b")],
            QueryParameters = [new QueryParameterMatcher { Name = "q" }],
        }));
        table.Cluster(RequestHeads.Get("http://h/?q", "x-a: 1", "x-b: 2")).Should().Be("c");
        table.Cluster(RequestHeads.Get("http://h/?q", "x-a: 1")).Should().BeNull();
        table.Cluster(RequestHeads.Get("http://h/", "x-a: 1", "x-b: 2")).Should().BeNull();
    }

    [Theory]
    [InlineData("/?a=1", true)]
    [InlineData("/?b=2&a=1", true)]
    [InlineData("/?a=1&a=2", true)]
    [InlineData("/?a=2&a=1", false)]
    [InlineData("/?a=%31", false)]
    [InlineData("/?aa=1", false)]
    [InlineData("/?A=1", false)]
    [InlineData("/", false)]
    public void The_first_parameter_of_a_name_is_compared_undecoded(string target, bool matches) =>
        (Parameter(new QueryParameterMatcher { Name = "a", Value = StringMatcher.Exact("1") }).Cluster(target) is not null).Should().Be(matches);

    [Theory]
    [InlineData("/?a", true)]
    [InlineData("/?a=", true)]
    [InlineData("/?&&a=x", true)]
    [InlineData("/?b=a", false)]
    [InlineData("/a", false)]
    public void Presence_of_a_parameter_is_matched(string target, bool present)
    {
        (Parameter(new QueryParameterMatcher { Name = "a" }).Cluster(target) is not null).Should().Be(present);
        (Parameter(new QueryParameterMatcher { Name = "a", Present = false }).Cluster(target) is not null).Should().Be(!present);
    }

    [Fact]
    public void A_parameter_without_equals_sign_is_empty() =>
        Parameter(new QueryParameterMatcher { Name = "a", Value = StringMatcher.Exact("") }).Cluster("/?a&b").Should().Be("c");

    [Fact]
    public void A_fraction_takes_its_share_of_random_numbers()
    {
        var table = RouteTables.Of(
            RouteTables.Route(new PrefixPath("/"), "some", m => m with { RuntimeFraction = new RuntimeFraction(30) }),
            RouteTables.Prefix("/", "rest"));
        var head = RequestHeads.Get("http://h/");
        Enumerable.Range(0, 200).Count(random => table.Cluster(head, (ulong)random) == "some").Should().Be(60);
    }

    private static RouteTable Parameter(QueryParameterMatcher matcher) =>
        RouteTables.Of(RouteTables.Route(new PrefixPath("/"), "c", m => m with { QueryParameters = [matcher] }));

    [Theory]
    [InlineData(true, null, false, true, true)]
    [InlineData(false, null, true, false, false)]
    [InlineData(null, true, false, false, true)]
    [InlineData(null, false, true, true, false)]
    [InlineData(true, false, false, true, false)]
    [InlineData(false, true, false, false, false)]
    public void A_client_certificate_is_matched_by_whether_it_is_there_and_was_found_good(bool? presented, bool? validated, bool none, bool unproven, bool good)
    {
        var table = RouteTables.Of(RouteTables.Route(new PrefixPath("/"), "c", match => match with { ClientCertificate = new ClientCertificateMatch(presented, validated) }));
        bool IsTaken(ClientCertificateStatus status)
        {
            var head = RequestHeads.Get("https://host/");
            head.ClientCertificate = status;
            return table.Cluster(head) is not null;
        }

        (IsTaken(ClientCertificateStatus.None), IsTaken(ClientCertificateStatus.Presented), IsTaken(ClientCertificateStatus.Validated)).Should().Be((none, unproven, good));
    }
}

using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Routing.Regexes;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Regular expressions over bytes.</summary>
public sealed class RegexTests
{
    private static RegexMatcher Create(string pattern)
    {
        RegexMatcher.TryCreate(pattern, Re2Syntax.Read, out var matcher, out var error).Should().BeTrue(error);
        return matcher!;
    }

    private static bool Matches(string pattern, string text) => Create(pattern).IsMatch(Encoding.UTF8.GetBytes(text));

    [Theory]
    [InlineData("abc", "abc", true)]
    [InlineData("abc", "abcd", false)]
    [InlineData("a|bc", "bc", true)]
    [InlineData("a$", "a\n", false)]
    [InlineData("(?i)ABC", "abc", true)]
    [InlineData("é+", "éé", true)]
    [InlineData("", "", true)]
    public void The_whole_value_is_matched(string pattern, string text, bool matches) => Matches(pattern, text).Should().Be(matches);

    [Theory]
    [InlineData("(?=a)")]
    [InlineData(@"(a)\1")]
    [InlineData("(a")]
    public void An_expression_that_cannot_be_read_has_a_reason(string pattern)
    {
        RegexMatcher.TryCreate(pattern, Re2Syntax.Read, out _, out var error).Should().BeFalse();
        error.Should().NotBeNullOrEmpty();
    }

    [Fact]
    public void Without_a_syntax_every_expression_is_refused()
    {
        var host = RouteTables.Host("h", ["*"], RouteTables.Route(new RegexPath("/a"), "c"));
        RouteTable.TryCompile(new RouteConfiguration { VirtualHosts = [host] }, null, out _, out var errors).Should().BeFalse();
        errors.Should().ContainSingle();
    }

    [Fact]
    public void A_long_value_is_matched() => Matches("a*b", new string('a', 10_000) + "b").Should().BeTrue();

    [Fact]
    public void Bytes_that_are_not_utf8_are_one_character_each() => Create("/.").IsMatch([(byte)'/', 0xFF]).Should().BeTrue();

    [Theory]
    [InlineData("/api/v1/[^/]+/x", "/api/v1/")]
    [InlineData("^/api$", "/api")]
    [InlineData("/ab*", "/a")]
    [InlineData("/ab+", "/ab")]
    [InlineData(@"/a\.b\*?", "/a.b")]
    [InlineData("/a|/b", "")]
    [InlineData("/x(a|b)", "/x")]
    [InlineData("/x[|]a", "/x")]
    [InlineData("/x[[:alpha:]|]", "/x")]
    [InlineData("/x[]|]", "/x")]
    [InlineData(@"/x\|a", "/x|a")]
    [InlineData("(?i)/x", "")]
    [InlineData(@"/\Qa|b\E", "")]
    [InlineData("/é", "/")]
    public void The_literal_prefix_is_what_every_match_starts_with(string pattern, string prefix) => RegexPrefix.Of(pattern).Should().Be(prefix);
}

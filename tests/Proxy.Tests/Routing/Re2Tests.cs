using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>RE2 syntax, as far as it differs from .NET's.</summary>
public sealed class Re2Tests
{
    private static bool Matches(string pattern, string text)
    {
        RegexMatcher.TryCreate(pattern, out var matcher, out var error).Should().BeTrue(error);
        return matcher!.IsMatch(Encoding.UTF8.GetBytes(text));
    }

    [Theory]
    [InlineData("abc", "abc", true)]
    [InlineData("abc", "abcd", false)]
    [InlineData("a|bc", "bc", true)]
    [InlineData("a$", "a", true)]
    [InlineData("a$", "a\n", false)]
    [InlineData("a.b", "a\nb", false)]
    [InlineData("(?s)a.b", "a\nb", true)]
    [InlineData("(?i)ABC", "abc", true)]
    [InlineData("(?i:A)b", "ab", true)]
    [InlineData("(?-s:.)", "\n", false)]
    [InlineData(@"\d+", "123", true)]
    [InlineData(@"\d", "٣", false)]
    [InlineData(@"[\d_]+", "1_2", true)]
    [InlineData(@"\w", "é", false)]
    [InlineData(@"[\w.]+", "a.b_9", true)]
    [InlineData(@"\W\S\D", "é!x", true)]
    [InlineData(@"[^\W]+", "az", true)]
    [InlineData(@"\s", "\u00a0", false)]
    [InlineData("[[:alpha:]]+", "abc", true)]
    [InlineData("[^[:digit:]]+", "abc", true)]
    [InlineData("[[:punct:]]", "-", true)]
    [InlineData("[a-z-[aeiou]]", "b]", true)]
    [InlineData("[]a]+", "]a", true)]
    [InlineData("[^]]", "a", true)]
    [InlineData("(?P<x>a)(?<y>b)(c)", "abc", true)]
    [InlineData(@"\x41\x{42}", "AB", true)]
    [InlineData(@"\Qa.b\E.", "a.bX", true)]
    [InlineData(@"\pL+", "aé", true)]
    [InlineData(@"\p{^L}", "1", true)]
    [InlineData(@"a{2,3}", "aaa", true)]
    [InlineData(@"a{,2}", "a{,2}", true)]
    [InlineData(@"x{", "x{", true)]
    [InlineData(@"\/\-\.", "/-.", true)]
    [InlineData(@"\Aa\z", "a", true)]
    [InlineData("", "", true)]
    public void Expressions_mean_what_they_mean_in_re2(string pattern, string text, bool matches) => Matches(pattern, text).Should().Be(matches);

    [Theory]
    [InlineData("(?=a)", "look-around")]
    [InlineData("(?!a)", "look-around")]
    [InlineData("(?<=a)", "look-around")]
    [InlineData("(?<!a)", "look-around")]
    [InlineData(@"(a)\1", "back-reference")]
    [InlineData(@"(?P<x>a)(?P=x)", "back-reference")]
    [InlineData(@"(?P<x>a)\k<x>", "back-reference")]
    [InlineData("(?>a)", "group")]
    [InlineData("(?#comment)", "group")]
    [InlineData("(?m)a", "flag")]
    [InlineData("(?x)a", "group")]
    [InlineData(@"\Za", @"\Z")]
    [InlineData(@"\e", @"\e")]
    [InlineData("a{1001}", "1000")]
    [InlineData("[a", "closed")]
    [InlineData("(a", "InsufficientClosingParentheses")]
    [InlineData("a**", "NestedQuantifiers")]
    [InlineData(@"a\", "ends in")]
    [InlineData("[[:nope:]]", "nope")]
    [InlineData(@"\xg", "hexadecimal")]
    [InlineData(@"(?P<1 >a)", "name")]
    [InlineData(@"\p{Nope}", "UnrecognizedUnicodeProperty")]
    public void What_re2_does_not_know_is_refused(string pattern, string reason)
    {
        RegexMatcher.TryCreate(pattern, out _, out var error).Should().BeFalse();
        error.Should().NotBeNullOrEmpty().And.Contain(reason);
    }

    [Fact]
    public void A_very_long_expression_is_refused() => RegexMatcher.TryCreate(new string('a', 5000), out _, out _).Should().BeFalse();

    [Fact]
    public void A_long_value_is_matched() => Matches("a*b", new string('a', 10_000) + "b").Should().BeTrue();

    [Fact]
    public void Bytes_that_are_not_utf8_are_one_character_each()
    {
        RegexMatcher.TryCreate("/.", out var matcher, out _).Should().BeTrue();
        matcher!.IsMatch([(byte)'/', 0xFF]).Should().BeTrue();
    }

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
    public void The_literal_prefix_is_what_every_match_starts_with(string pattern, string prefix) => Re2.LiteralPrefix(pattern).Should().Be(prefix);
}

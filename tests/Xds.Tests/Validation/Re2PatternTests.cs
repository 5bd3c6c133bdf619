using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Tests.Validation;

public sealed class Re2PatternTests
{
    [Theory]
    [InlineData("/v[0-9]+/.*", "/v12/x", true)]
    [InlineData("/v[0-9]+/.*", "x/v12/x", false)]
    [InlineData("a$", "a\n", false)]
    [InlineData("(?m)^a$\\nb", "a\nb", true)]
    [InlineData("a.c", "a\nc", false)]
    [InlineData("(?s)a.c", "a\nc", true)]
    [InlineData("(?i)abc", "ABC", true)]
    [InlineData("(?i:a)b", "AB", false)]
    [InlineData("(?P<name>a)(?<other>b)", "ab", true)]
    [InlineData(@"\d+", "١٢", false)]
    [InlineData(@"\w", "é", false)]
    [InlineData(@"\S", "\u00A0", true)]
    [InlineData(@"[\s\S]*", "a\n b", true)]
    [InlineData("[[:alpha:]_]+", "abc_", true)]
    [InlineData("[]a]+", "]a", true)]
    [InlineData("[^]a]+", "]a", false)]
    [InlineData("[a-c-]+", "a-c", true)]
    [InlineData(@"[\]\-\\]+", @"]-\", true)]
    [InlineData("a{2,3}", "aa", true)]
    [InlineData("a{2,3}", "aaaa", false)]
    [InlineData("a{x}", "a{x}", true)]
    [InlineData(@"\Qa.b\E+", "a.bb", true)]
    [InlineData(@"\pL\p{Nd}", "a1", true)]
    [InlineData(@"\x41\x{42}", "AB", true)]
    [InlineData("a|b|", "", true)]
    [InlineData("a*?b", "aab", true)]
    [InlineData("[a-z&&[^b]]", "b]", true)]
    [InlineData("#x y", "#x y", true)]
    public void An_expression_matches_as_in_re2(string expression, string input, bool matches)
    {
        Re2Pattern.TryTranslate(expression, out var pattern, out var reason).Should().BeTrue(reason);
        pattern!.Compile(fullMatch: true).IsMatch(input).Should().Be(matches);
    }

    [Theory]
    [InlineData("a(?=b)", "look-around is not supported")]
    [InlineData("(?<!a)b", "look-around is not supported")]
    [InlineData(@"(a)\1", "back-references are not supported")]
    [InlineData("(?>a)", "the group (?> is not supported")]
    [InlineData("(?U)a", "the group (?U is not supported")]
    [InlineData("(a", "a ( is not closed")]
    [InlineData("a)", "a ) closes nothing")]
    [InlineData("[a", "a [ is not closed")]
    [InlineData("[z-a]", "a range in a class is the wrong way round or not well-formed")]
    [InlineData("*a", "* has nothing to repeat")]
    [InlineData("a**", "* repeats a repeat")]
    [InlineData("a++", "+ repeats a repeat")]
    [InlineData("a{1001}", "something is repeated more than 1000 times")]
    [InlineData("(a{100}){100}", "something is repeated more than 1000 times")]
    [InlineData("a{3,2}", "{3,2} has its bounds the wrong way round")]
    [InlineData(@"a\", @"a \ stands at the end")]
    [InlineData(@"\Ca", @"the escape \C is not supported")]
    [InlineData(@"\p{Greek}", @"\p{Greek} is not a general category of Unicode")]
    [InlineData("(?P<a-b>x)", "the name of a group is not well-formed")]
    public void What_re2_does_not_have_is_refused_with_a_reason(string expression, string expected)
    {
        Re2Pattern.TryTranslate(expression, out _, out var reason).Should().BeFalse();
        reason.Should().Be(expected);
    }

    [Fact]
    public void Groups_keep_their_numbers_with_names_among_them()
    {
        Re2Pattern.TryTranslate("(?P<x>a)(b)(?:c)(d)", out var pattern, out _).Should().BeTrue();
        pattern!.GroupCount.Should().Be(3);
        pattern.Compile(fullMatch: true).Match("abcd").Groups[1].Value.Should().Be("a");
        pattern.Compile(fullMatch: true).Match("abcd").Groups[3].Value.Should().Be("d");
    }

    [Fact]
    public void An_expression_that_grows_too_large_is_refused()
    {
        var expression = string.Concat(Enumerable.Repeat("(abcdefghij){1000}", 20));
        Re2Pattern.TryTranslate(expression, out _, out var reason).Should().BeFalse();
        reason.Should().Be("it is too large when its repeats are written out");
    }

    [Fact]
    public void What_is_translated_compiles() => Check.Sample(
        Gen.Char["ab01()[]{}|?*+.^$\\-:<>PdwsQE,&#im "].Array[0, 16],
        characters =>
        {
            if (Re2Pattern.TryTranslate(new string(characters), out var pattern, out _) && pattern is not null)
            {
                pattern.Compile(fullMatch: true);
            }
        },
        iter: 20_000,
        threads: 1);
}

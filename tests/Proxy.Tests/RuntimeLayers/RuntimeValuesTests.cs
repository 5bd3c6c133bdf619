using System.Collections.Frozen;
using AwesomeAssertions;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Tests.RuntimeLayers;

/// <summary>What values of the runtime mean (Envoy documentation, "Runtime configuration").</summary>
public sealed class RuntimeValuesTests
{
    private static readonly RuntimeShare Half = new(50, 100);

    [Fact]
    public void Of_several_layers_the_last_one_that_has_a_key_counts()
    {
        var values = new RuntimeValues([Layer("base", ("a", "1"), ("b", "1")), Layer("top", ("b", "2"))]);

        values.IntegerOf("a", 0).Should().Be(1);
        values.IntegerOf("b", 0).Should().Be(2);
        values.IntegerOf("c", 7).Should().Be(7);
    }

    [Theory]
    [InlineData("0", 0, 100)]
    [InlineData("30", 30, 100)]
    [InlineData("1000", 100, 100)]
    [InlineData("0.5", 50, 100)]
    [InlineData("-1", 50, 100)]
    [InlineData("most", 50, 100)]
    public void A_whole_number_is_a_percentage_and_anything_else_leaves_the_default(string text, uint numerator, uint denominator) =>
        new RuntimeValues([Layer("x", ("k", text))]).ShareOf("k", Half).Should().Be(new RuntimeShare(numerator, denominator));

    [Fact]
    public void A_share_counts_as_it_stands()
    {
        var share = new RuntimeShare(3, 10_000);
        var values = new RuntimeValues([new RuntimeLayer("x", new Dictionary<string, RuntimeValue> { ["k"] = new() { Text = "3/10000", Share = share } }.ToFrozenDictionary())]);

        values.ShareOf("k", Half).Should().Be(share);
        values.IsEnabled("k", Half, 10_002).Should().BeTrue();
        values.IsEnabled("k", Half, 10_003).Should().BeFalse();
    }

    [Fact]
    public void Without_a_key_the_default_holds()
    {
        var values = new RuntimeValues([Layer("x", ("", "100"))]);

        values.IsEnabled("", Half, 49).Should().BeTrue();
        values.IsEnabled("", Half, 50).Should().BeFalse();
    }

    private static RuntimeLayer Layer(string name, params (string Key, string Text)[] values) =>
        new(name, values.ToFrozenDictionary(static value => value.Key, static value => RuntimeValue.OfText(value.Text)));
}

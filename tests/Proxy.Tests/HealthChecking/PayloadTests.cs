using System.Text;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Upstream.HealthChecking;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>Looking for payloads: each behind the one before, in pieces of any size.</summary>
public sealed class PayloadTests
{
    [Theory]
    [InlineData("PONG", "PONG", true)]
    [InlineData("PONG", "PO", false)]
    [InlineData("ab,cd", "xxabxxcdxx", true)]
    [InlineData("ab,cd", "cdab", false)]
    [InlineData("ab,ab", "ab", false)]
    [InlineData("ab,ab", "abab", true)]
    [InlineData("aab", "aaab", true)]
    [InlineData("aba,ba", "ababa", true)]
    [InlineData("aba,aba", "ababa", false)]
    [InlineData("", "", true)]
    public void Blocks_are_found_in_order_and_need_not_be_neighbours(string wanted, string received, bool isFound) => Find(Wanted(wanted), [received]).Should().Be(isFound);

    [Fact]
    public void It_finds_what_a_search_in_all_of_it_finds_however_it_comes() => Gen.Select(Gen.String[Gen.Char["ab"], 1, 4].List[0, 3], Gen.String[Gen.Char["abc"], 0, 6].List[0, 6]).Sample((wanted, pieces) =>
    {
        var all = string.Concat(pieces);
        var at = 0;
        foreach (var block in wanted)
        {
            at = at < 0 ? at : all.IndexOf(block, at, StringComparison.Ordinal);
            at = at < 0 ? at : at + block.Length;
        }

        return Find(new ValueList<Payload>(wanted.Select(static block => new Payload(Encoding.ASCII.GetBytes(block)))), pieces) == at >= 0;
    });

    [Fact]
    public void Settings_of_equal_bytes_are_equal_and_of_others_not()
    {
        Config("ping").Should().Be(Config("ping"));
        Config("ping").GetHashCode().Should().Be(Config("ping").GetHashCode());
        Config("ping").Should().NotBe(Config("pong"));
        (Config("ping") with { Receive = Wanted("a,b") }).Should().Be(Config("ping") with { Receive = Wanted("a,b") });
        (Config("ping") with { Receive = Wanted("a,b") }).Should().NotBe(Config("ping") with { Receive = Wanted("b,a") });

        static TcpHealthCheck Config(string send) => new() { Send = new Payload(Encoding.ASCII.GetBytes(send)) };
    }

    private static ValueList<Payload> Wanted(string blocks) =>
        new(blocks.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static block => new Payload(Encoding.ASCII.GetBytes(block))));

    private static bool Find(ValueList<Payload> wanted, IEnumerable<string> pieces)
    {
        var search = new PayloadSearch(wanted);
        foreach (var piece in pieces)
        {
            search.Take(Encoding.ASCII.GetBytes(piece));
        }

        return search.IsComplete;
    }
}

using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.EndToEnd.Tests.TestTools.Http2;

/// <summary>The decoder that judges ours is judged by the examples of RFC 7541, and its strictness by blocks that are wrong.</summary>
public sealed class HpackReaderTests
{
    [Fact]
    public void Requests_with_Huffmans_code_appendix_C_4()
    {
        var reader = new HpackReader();

        Read(reader, "828684418cf1e3c2e5f23a6ba0ab90f4ff").Should().Be(":method: GET, :scheme: http, :path: /, :authority: www.example.com");
        Read(reader, "828684be5886a8eb10649cbf").Should().EndWith(":authority: www.example.com, cache-control: no-cache");
        Read(reader, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf").Should().Be(":method: GET, :scheme: https, :path: /index.html, :authority: www.example.com, custom-key: custom-value");
        (reader.TableSize, reader.TableCount).Should().Be((164, 3));
    }

    [Fact]
    public void Responses_that_evict_appendix_C_6()
    {
        var reader = new HpackReader(256);

        Read(reader, "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3")
            .Should().Be(":status: 302, cache-control: private, date: Mon, 21 Oct 2013 20:13:21 GMT, location: https://www.example.com");
        Read(reader, "4883640effc1c0bf").Should().StartWith(":status: 307, cache-control: private");
        Read(reader, "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")
            .Should().EndWith("set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
        (reader.TableSize, reader.TableCount).Should().Be((215, 3));
    }

    [Fact]
    public void What_the_tests_make_is_read_back()
    {
        var long_ = new string('x', 5000);
        var block = new HpackBlock().TableSize(100).Literal("a", long_).NeverIndexed("b", "ü").Added("c", "1").Added(1, "h").Indexed(62).Indexed(2).ToBytes();

        Read(new HpackReader(), Convert.ToHexString(block)).Should().Be($"a: {long_}, b: ü, c: 1, :authority: h, :authority: h, :method: GET");
    }

    [Theory]
    [InlineData("80", "index 0")]
    [InlineData("be", "an entry that is not there")]
    [InlineData("82205a", "a size update behind a field")]
    [InlineData("3fe21f", "4097 bytes of table")]
    [InlineData("ff80808080808080808001", "an integer without an end")]
    [InlineData("0085f1", "a string that is cut off")]
    [InlineData("000184ffffffff", "the end of the string inside a string")]
    [InlineData("00816103", "a string that is missing")]
    [InlineData("008160", "padding of zeros")]
    [InlineData("008207ff", "more than seven bits of padding")]
    public void A_block_that_is_wrong_is_refused(string block, string what) =>
        FluentActions.Invoking(() => Read(new HpackReader(), block)).Should().Throw<HpackFaultException>(what);

    [Fact]
    public void A_lower_limit_has_to_be_followed()
    {
        var reader = new HpackReader();
        reader.Allow(0);

        FluentActions.Invoking(() => Read(reader, "82")).Should().Throw<HpackFaultException>();
        Read(reader, "2082").Should().Be(":method: GET");
    }

    private static string Read(HpackReader reader, string block) => string.Join(", ", (IEnumerable<RawHeader>)reader.Read(Convert.FromHexString(block)));
}

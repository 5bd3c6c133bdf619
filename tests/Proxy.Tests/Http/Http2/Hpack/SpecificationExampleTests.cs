using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

/// <summary>The examples of RFC 7541 appendix C, whose bytes and tables are given there.</summary>
public sealed class SpecificationExampleTests
{
    private readonly HpackDecoder _decoder = new(4096);

    [Theory]
    [InlineData("0a", 5, 10)]
    [InlineData("1f9a0a", 5, 1337)]
    [InlineData("2a", 8, 42)]
    public void C_1_integers(string hex, int prefix, int value)
    {
        var at = 0;
        HpackInteger.Read(Blocks.Bytes(hex), ref at, prefix, out var read).Should().Be(HpackStatus.Done);
        read.Should().Be(value);
        at.Should().Be(hex.Length / 2);
    }

    [Theory]
    [InlineData("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header", 1, 55)]
    [InlineData("040c2f73616d706c652f70617468", ":path: /sample/path", 0, 0)]
    [InlineData("100870617373776f726406736563726574", "password: secret", 0, 0)]
    [InlineData("82", ":method: GET", 0, 0)]
    public void C_2_representations(string hex, string field, int entries, int size)
    {
        _decoder.Fields(hex).Should().Equal(field);
        _decoder.Entries.Should().Be(entries);
        _decoder.TableSize.Should().Be(size);
    }

    [Theory]
    [InlineData("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")]
    [InlineData("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")]
    public void C_3_and_C_4_requests_without_and_with_Huffman_coding(string first, string second, string third)
    {
        _decoder.Fields(first).Should().Equal(":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com");
        _decoder.TableSize.Should().Be(57);
        _decoder.Fields(second).Should().Equal(":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache");
        _decoder.TableSize.Should().Be(110);
        _decoder.Fields(third).Should().Equal(":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value");
        _decoder.TableSize.Should().Be(164);
        _decoder.Entries.Should().Be(3);
    }

    [Theory]
    [InlineData(
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31")]
    [InlineData(
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")]
    public void C_5_and_C_6_responses_with_eviction(string first, string second, string third)
    {
        // The table of the examples is 256 bytes: size updates before the first block say so.
        _decoder.Fields("3fe101" + first).Should().Equal(":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com");
        _decoder.TableSize.Should().Be(222);
        _decoder.Fields(second).Should().Equal(":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com");
        _decoder.TableSize.Should().Be(222);
        _decoder.Fields(third).Should().Equal(
            ":status: 200",
            "cache-control: private",
            "date: Mon, 21 Oct 2013 20:13:22 GMT",
            "location: https://www.example.com",
            "content-encoding: gzip",
            "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
        _decoder.TableSize.Should().Be(215);
        _decoder.Entries.Should().Be(3);
    }
}

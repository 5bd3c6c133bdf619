using System.Text;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

public sealed class HuffmanTests
{
    [Theory]
    [InlineData("www.example.com", "f1e3c2e5f23a6ba0ab90f4ff")]
    [InlineData("no-cache", "a8eb10649cbf")]
    [InlineData("Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff")]
    [InlineData("", "")]
    public void Strings_of_the_specification_are_coded_as_there(string text, string hex)
    {
        Convert.ToHexStringLower(Encoded(Encoding.ASCII.GetBytes(text))).Should().Be(hex);
        Decoded(Convert.FromHexString(hex)).Should().Equal(Encoding.ASCII.GetBytes(text));
    }

    [Fact]
    public void Every_pair_of_bytes_comes_back()
    {
        for (var pair = 0; pair < 65536; pair++)
        {
            byte[] text = [(byte)(pair >> 8), (byte)pair, (byte)(pair >> 8)];
            if (!Decoded(Encoded(text)).AsSpan().SequenceEqual(text))
            {
                Assert.Fail($"{Convert.ToHexString(text)} became {Convert.ToHexString(Decoded(Encoded(text)))}");
            }
        }
    }

    [Fact]
    public void Any_bytes_come_back() => Gen.Byte.Array[0, 300].Sample(text => Decoded(Encoded(text)).AsSpan().SequenceEqual(text));

    [Fact]
    public void Any_bytes_are_refused_or_are_what_their_text_is_coded_as() => Gen.Byte.Array[0, 60].Sample(encoded =>
    {
        var text = new byte[Huffman.MaxDecodedLength(encoded.Length)];
        return !Huffman.TryDecode(encoded, text, out var length) || Encoded(text[..length]).AsSpan().SequenceEqual(encoded);
    });

    private static byte[] Encoded(byte[] text)
    {
        var encoded = new byte[Huffman.EncodedLength(text)];
        Huffman.Encode(text, encoded);
        return encoded;
    }

    private static byte[] Decoded(byte[] encoded)
    {
        var text = new byte[Huffman.MaxDecodedLength(encoded.Length)];
        Huffman.TryDecode(encoded, text, out var length).Should().BeTrue();
        return text[..length];
    }
}

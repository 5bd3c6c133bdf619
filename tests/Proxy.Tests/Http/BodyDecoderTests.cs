using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Proxy.Tests.Http;

/// <summary>Bodies in each framing, given whole and split at every byte.</summary>
public sealed class BodyDecoderTests
{
    public static TheoryData<string, string> Chunked => new()
    {
        { "0\r\n\r\n", "|" },
        { "0\r\n\r\nGET", "|GET" },
        { "5\r\nhello\r\n0\r\n\r\n", "hello|" },
        { "A\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n", "01234567890123456789|" },
        { "000000000000001\r\nx\r\n0\r\n\r\n", "x|" },
        { "1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n", "x|" },
        { "1\r\nx\r\n0\r\nt: v\r\nu:\r\n\r\nrest", "x|rest" },
        { "2\r\n\r\n\r\n0\r\n\r\n", "\r\n|" },
        { "5\r\nhel", "more after hel" },
        { "5\r\nhello\r\n0\r\n", "more after hello" },
        { "\r\n", "BadChunk" },
        { "g\r\n", "BadChunk" },
        { "+5\r\nhello\r\n", "BadChunk" },
        { "-5\r\nhello\r\n", "BadChunk" },
        { " 5\r\nhello\r\n", "BadChunk" },
        { "5 \r\nhello\r\n", "BadChunk" },
        { "1 ;a\r\nx\r\n0\t;b\r\n\r\n", "x|" },
        { "1 \t ;a\r\nx\r\n0 \t ;b=c\r\n\r\nrest", "x|rest" },
        { "5\t\r\nhello\r\n", "BadChunk" },
        { "5 \n", "BadChunk" },
        { "5 a\r\nhello\r\n", "BadChunk" },
        { "5 5\r\nhello\r\n", "BadChunk" },
        { "5 =a\r\nhello\r\n", "BadChunk" },
        { "5 ;\r\nhello\r\n", "BadChunk" },
        { "5 ;a \r\nhello\r\n", "BadChunk" },
        { " ;a\r\n", "BadChunk" },
        { "0x5\r\nhello\r\n", "BadChunk" },
        { "5_0\r\n", "BadChunk" },
        { ";a\r\n", "BadChunk" },
        { "0000000000000001\r\nx\r\n", "BadChunk" },
        { "ffffffffffffffff\r\n", "BadChunk" },
        { "10000000000000005\r\nhello\r\n", "BadChunk" },
        { "5\nhello\r\n", "BadChunk" },
        { "5\rhello\r\n", "BadChunk" },
        { "5\r\r\nhello\r\n", "BadChunk" },
        { "5\r\nhello\n0\r\n\r\n", "BadChunk" },
        { "5\r\nhello\r0\r\n\r\n", "BadChunk" },
        { "5\r\nhello!\r\n0\r\n\r\n", "BadChunk" },
        { "1; a = b ; c\t=\t\"\\\"d;\" ;e\r\nx\r\n0\r\n\r\n", "x|" },
        { "5;\r\nhello\r\n", "BadChunk" },
        { "5;a;\r\nhello\r\n", "BadChunk" },
        { "5;a=\r\nhello\r\n", "BadChunk" },
        { "5;=b\r\nhello\r\n", "BadChunk" },
        { "5;a \r\nhello\r\n", "BadChunk" },
        { "5;a b\r\nhello\r\n", "BadChunk" },
        { "5;a=b \r\nhello\r\n", "BadChunk" },
        { "5;a=b c\r\nhello\r\n", "BadChunk" },
        { "5;a=\"b\r\nhello\r\n", "BadChunk" },
        { "5;a=\"b\\\r\nhello\r\n", "BadChunk" },
        { "5;a=\"b\"c\r\nhello\r\n", "BadChunk" },
        { "5;a=b\"c\"\r\nhello\r\n", "BadChunk" },
        { "5;a=(b)\r\nhello\r\n", "BadChunk" },
        { "5;a\nb\r\nhello\r\n", "BadChunk" },
        { "5;a\rb\r\nhello\r\n", "BadChunk" },
        { "5;\0\r\nhello\r\n", "BadChunk" },
        { "0\r\n\n", "BadChunk" },
        { "0\r\n\rx", "BadChunk" },
        { "0\r\nno colon\r\n\r\n", "BadChunk" },
        { "0\r\n: v\r\n\r\n", "BadChunk" },
        { "0\r\nt : v\r\n\r\n", "BadChunk" },
        { "0\r\nt\u00e9: v\r\n\r\n", "BadChunk" },
        { "0\r\n fold: v\r\n\r\n", "BadChunk" },
        { "0\r\nt: v\n\r\n", "BadChunk" },
        { "0\r\nt: \0\r\n\r\n", "BadChunk" },
    };

    [Theory]
    [MemberData(nameof(Chunked))]
    public void Chunks_are_taken_apart_or_refused_however_they_are_split(string text, string expected)
    {
        Heads.Body(BodyFraming.Chunked, text).Should().Be(expected);
        for (var cut = 1; cut < text.Length; cut++)
        {
            Heads.Body(BodyFraming.Chunked, text, cut).Should().Be(expected, $"split at {cut}");
        }

        Heads.Body(BodyFraming.Chunked, text, [.. Enumerable.Range(1, text.Length - 1)]).Should().Be(expected, "byte by byte");
    }

    [Fact]
    public void Extensions_and_trailers_are_bounded()
    {
        Heads.Body(BodyFraming.Chunked, $"1;{new string('x', 5000)}\r\n").Should().Be("BadChunk");
        Heads.Body(BodyFraming.Chunked, $"1{new string(' ', 4094)};x\r\n").Should().Be("more after ");
        Heads.Body(BodyFraming.Chunked, $"1{new string(' ', 4095)};x\r\n").Should().Be("BadChunk");
        Heads.Body(BodyFraming.Chunked, $"{string.Concat(Enumerable.Repeat($"1{new string('\t', 4000)};x\r\ny\r\n", 5))}0\r\n\r\n").Should().Be("BadChunk");
        Heads.Body(BodyFraming.Chunked, $"{string.Concat(Enumerable.Repeat($"1;{new string('x', 4000)}\r\ny\r\n", 4))}0\r\n\r\n").Should().Be("yyyy|");
        Heads.Body(BodyFraming.Chunked, $"{string.Concat(Enumerable.Repeat($"1;{new string('x', 4000)}\r\ny\r\n", 5))}0\r\n\r\n").Should().Be("BadChunk");
        Heads.Body(BodyFraming.Chunked, $"0\r\n{string.Concat(Enumerable.Repeat($"t: {new string('x', 1000)}\r\n", 17))}\r\n").Should().Be("BadChunk");
    }

    [Fact]
    public void A_body_with_a_length_takes_no_byte_more()
    {
        Heads.Body(new BodyFraming(BodyKind.ContentLength, 3), "abcdef", 1, 2).Should().Be("abc|def");
        Heads.Body(new BodyFraming(BodyKind.ContentLength, 0), "abc").Should().Be("|abc");
        Heads.Body(BodyFraming.None, "abc").Should().Be("|abc");
        Heads.Body(BodyFraming.UntilClose, "abc").Should().Be("more after abc");
    }

    [Theory]
    [InlineData("5\r\nhel")]
    [InlineData("0\r\n")]
    public void The_end_of_the_connection_inside_chunks_is_an_error(string text)
    {
        var decoder = BodyDecoder.For(BodyFraming.Chunked);
        decoder.Decode(System.Text.Encoding.ASCII.GetBytes(text), out _);

        decoder.EndOfStream();

        decoder.IsComplete.Should().BeFalse();
        decoder.Error.Should().Be(Http1Error.UnexpectedEnd);
    }

    [Fact]
    public void The_end_of_the_connection_completes_a_body_until_close_only()
    {
        var untilClose = BodyDecoder.For(BodyFraming.UntilClose);
        untilClose.EndOfStream();
        untilClose.IsComplete.Should().BeTrue();

        var counted = BodyDecoder.For(new BodyFraming(BodyKind.ContentLength, 1));
        counted.EndOfStream();
        counted.Error.Should().Be(Http1Error.UnexpectedEnd);
    }
}

using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.Http;

/// <summary>Request heads, good and bad, each given whole and split at every byte: the verdict must not depend on the splitting.</summary>
public sealed class RequestParserTests
{
    public static TheoryData<string, string> Good => new()
    {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / [/?] 1.1 @a None:0 host=a;" },
        { "get /a?b=c?d HTTP/1.1\r\nhost:a:80\r\n\r\nrest", "get /a?b=c?d [/a?b=c?d] 1.1 @a:80 None:0 host=a:80;" },
        { "\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET / [/?] 1.1 @a None:0 host=a;" },
        { "METHOD-OF-32-CHARACTERS-EXACTLY- / HTTP/1.0\r\n\r\n", "METHOD-OF-32-CHARACTERS-EXACTLY- / [/?] 1.0 @ None:0 close" },
        { "GET / HTTP/1.0\r\n\r\n", "GET / [/?] 1.0 @ None:0 close" },
        { "GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n", "GET / [/?] 1.0 @ None:0 connection=Keep-Alive;" },
        { "GET / HTTP/1.1\r\nhost: a\r\nCONNECTION: x, Close\r\n\r\n", "GET / [/?] 1.1 @a None:0 close nominates host=a; connection=x, Close;" },
        { "GET http://b HTTP/1.1\r\nhost: a\r\n\r\n", "GET / [/?] 1.1 @b None:0 host=a;" },
        { "GET http://b?x=1 HTTP/1.1\r\nhost: a\r\n\r\n", "GET /?x=1 [/?x=1] 1.1 @b None:0 host=a;" },
        { "GET http://[::1]:8080?/a HTTP/1.1\r\nhost: a\r\n\r\n", "GET /?/a [/?/a] 1.1 @[::1]:8080 None:0 host=a;" },
        { "GET HTTPS://b:1/x?y HTTP/1.1\r\nhost: a\r\n\r\n", "GET /x?y [/x?y] 1.1 @b:1 None:0 host=a;" },
        { "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", "OPTIONS * [*?] 1.1 @a None:0 host=a;" },
        { "CONNECT b:443 HTTP/1.1\r\nhost: b:443\r\n\r\n", "CONNECT  [?] 1.1 @b:443 None:0 host=b:443;" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length:  12 \t\r\n\r\n", "POST / [/?] 1.1 @a ContentLength:12 host=a; content-length=12;" },
        { "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n", "POST / [/?] 1.1 @a Chunked:0 host=a; transfer-encoding=Chunked;" },
        { "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\n\r\n", "POST / [/?] 1.1 @a None:0 expect host=a; expect=100-Continue;" },
        { "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: ws\r\n\r\n", "GET / [/?] 1.1 @a None:0 upgrade host=a; connection=upgrade; upgrade=ws;" },
        { "GET / HTTP/1.1\r\nhost: [::1]:80\r\nX-!#$%&'*+.^_`|~9: a\tb\u00ff\r\nempty:\r\n\r\n", "GET / [/?] 1.1 @[::1]:80 None:0 host=[::1]:80; x-!#$%&'*+.^_`|~9=a\tb\u00ff; empty=;" },
    };

    public static TheoryData<string, string> Bad => new()
    {
        { "GET /\r\n\r\n", "BadStartLine" },
        { "GET  / HTTP/1.1\r\n", "BadTarget" },
        { " GET / HTTP/1.1\r\n", "BadStartLine" },
        { "GET / HTTP/1.1 \r\n", "BadStartLine" },
        { "GET / http/1.1\r\n", "BadStartLine" },
        { "GET / HTTP/11\r\n", "BadStartLine" },
        { "GET / HTTP/1.2\r\n", "BadVersion" },
        { "GET / HTTP/2.0\r\n", "BadVersion" },
        { "G(T / HTTP/1.1\r\n", "BadStartLine" },
        { "G\0T / HTTP/1.1\r\n", "BadStartLine" },
        { "GET /\0 HTTP/1.1\r\n", "BadTarget" },
        { "GET /\t HTTP/1.1\r\n", "BadTarget" },
        { "GET /\u00e9 HTTP/1.1\r\n", "BadTarget" },
        { "GET /#f HTTP/1.1\r\n", "BadTarget" },
        { "GET a HTTP/1.1\r\n", "BadTarget" },
        { "GET * HTTP/1.1\r\n", "BadTarget" },
        { "GET ftp://a/ HTTP/1.1\r\n", "BadTarget" },
        { "GET http:/// HTTP/1.1\r\n", "BadTarget" },
        { "GET http://u@a/ HTTP/1.1\r\n", "BadTarget" },
        { "GET http://?x HTTP/1.1\r\n", "BadTarget" },
        { "GET http://a:b/ HTTP/1.1\r\n", "BadTarget" },
        { "GET http://[::1/ HTTP/1.1\r\n", "BadTarget" },
        { "GET http://[::[::1]:80/ HTTP/1.1\r\n", "BadTarget" },
        { "CONNECT a/b HTTP/1.1\r\n", "BadTarget" },
        { "CONNECT a:b HTTP/1.1\r\n", "BadTarget" },
        { "CONNECT 443 HTTP/1.1\r\n", "BadTarget" },
        { "\r\n\r\n\r\n\r\n\r\n", "BadStartLine" },
        { "PRI * HTTP/2.0\r\n", "BadVersion" },
        { "\u0016\u0003", "BadStartLine" },
        { "G\0", "BadStartLine" },
        { "\rG", "BadStartLine" },
        { "\r\n\0", "BadStartLine" },
        { "METHOD-OF-THIRTY-THREE-CHARACTERS", "BadStartLine" },
        { "GET / HTTP/1.1\n", "BareLineFeed" },
        { "\nGET / HTTP/1.1\r\n", "BareLineFeed" },
        { "GET / HTTP/1.1\r\nhost: a\n", "BareLineFeed" },
        { "GET / HTTP/1.1\r\nhost: a\r\n\n", "BareLineFeed" },
        { "GET / HTTP/1.1\r\nhost: a\rb\r\n", "BadFieldValue" },
        { "GET /\rx HTTP/1.1\r\n", "BadTarget" },
        { "GET / HTTP/1.1\r\n host: a\r\n", "ObsoleteFold" },
        { "GET / HTTP/1.1\r\nhost: a\r\n\tb\r\n", "ObsoleteFold" },
        { "GET / HTTP/1.1\r\nhost : a\r\n", "BadFieldName" },
        { "GET / HTTP/1.1\r\n: a\r\n", "BadFieldName" },
        { "GET / HTTP/1.1\r\nhost\r\n", "BadFieldName" },
        { "GET / HTTP/1.1\r\nh\0st: a\r\n", "BadFieldName" },
        { "GET / HTTP/1.1\r\nh\u00e9: a\r\n", "BadFieldName" },
        { "GET / HTTP/1.1\r\nx: a\0\r\n", "BadFieldValue" },
        { "GET / HTTP/1.1\r\nx: \u0001\r\n", "BadFieldValue" },
        { "GET / HTTP/1.1\r\nx: \u007f\r\n", "BadFieldValue" },
        { "GET / HTTP/1.1\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost:\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.0\r\nhost: a\r\nhost: a\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: u@a\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: a:b\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: a:1:2\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: :80\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: [::1\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: [::1]x\r\n\r\n", "BadHost" },
        { "GET / HTTP/1.1\r\nhost: a]b\r\n\r\n", "BadHost" },
        { "GET http://b/ HTTP/1.1\r\n\r\n", "BadHost" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n", "BadContentLength" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\n", "BadContentLength" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\n", "BadContentLength" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", "BadContentLength" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x1\r\n\r\n", "BadContentLength" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1 1\r\n\r\n", "BadContentLength" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\n", "BadContentLength" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9999999999999999999\r\n\r\n", "BadContentLength" },
        { "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "AmbiguousFraming" },
        { "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", "AmbiguousFraming" },
        { "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "UnsupportedTransferEncoding" },
        { "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", "UnsupportedTransferEncoding" },
        { "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n\r\n", "UnsupportedTransferEncoding" },
        { "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \"chunked\"\r\n\r\n", "UnsupportedTransferEncoding" },
        { "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \u000bchunked\r\n\r\n", "BadFieldValue" },
        { "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n\r\n", "UnsupportedTransferEncoding" },
    };

    [Theory]
    [MemberData(nameof(Good))]
    public void A_good_head_is_read_however_it_is_split(string text, string expected) => ExpectHoweverSplit(text, expected);

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_head_is_refused_however_it_is_split(string text, string expected) => ExpectHoweverSplit(text, expected);

    [Fact]
    public void A_head_beyond_the_limit_is_refused_with_and_without_its_end()
    {
        Heads.Request($"GET / HTTP/1.1\r\nhost: a\r\nx: {new string('x', 61_408)}\r\n\r\n").Should().StartWith("GET / ", "60 KiB are allowed");
        Heads.Request($"GET / HTTP/1.1\r\nhost: a\r\nx: {new string('x', 61_409)}\r\n\r\n").Should().Be("HeadTooLarge");
        Heads.Request($"GET /{new string('x', 61_435)}").Should().Be("more");
        Heads.Request($"GET /{new string('x', 61_436)}").Should().Be("HeadTooLarge");
    }

    [Fact]
    public void More_fields_than_allowed_are_refused()
    {
        Heads.Request($"GET / HTTP/1.1\r\nhost: a\r\n{string.Concat(Enumerable.Repeat("x: y\r\n", 99))}\r\n").Should().StartWith("GET / ");
        Heads.Request($"GET / HTTP/1.1\r\nhost: a\r\n{string.Concat(Enumerable.Repeat("x: y\r\n", 100))}\r\n").Should().Be("TooManyFields");
    }

    private static void ExpectHoweverSplit(string text, string expected)
    {
        Heads.Request(text).Should().Be(expected);
        for (var cut = 1; cut < text.Length; cut++)
        {
            Heads.Request(text, cut).Should().Be(expected, $"split at {cut}");
        }

        Heads.Request(text, [.. Enumerable.Range(1, text.Length - 1)]).Should().Be(expected, "byte by byte");
    }
}

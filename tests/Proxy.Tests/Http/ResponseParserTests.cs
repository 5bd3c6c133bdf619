using AwesomeAssertions;

namespace KubeProxyNet.Proxy.Tests.Http;

/// <summary>Response heads, good and bad, each given whole and split at every byte.</summary>
public sealed class ResponseParserTests
{
    public static TheoryData<string, bool, string> Heads => new()
    {
        { "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", false, "1.1 200 'OK' ContentLength:5 declared=5 content-length=5;" },
        { "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", true, "1.1 200 'OK' None:0 declared=5 content-length=5;" },
        { "HTTP/1.1 200 \r\n\r\n", false, "1.1 200 '' UntilClose:0 declared=-1" },
        { "HTTP/1.1 200\r\n\r\n", false, "1.1 200 '' UntilClose:0 declared=-1" },
        { "HTTP/1.1 404 Not \u00e9 Found\r\n\r\n", false, "1.1 404 'Not \u00e9 Found' UntilClose:0 declared=-1" },
        { "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", false, "1.0 200 'OK' ContentLength:0 declared=0 close content-length=0;" },
        { "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n", false, "1.0 200 'OK' ContentLength:0 declared=0 connection=keep-alive; content-length=0;" },
        { "HTTP/1.1 200 OK\r\nconnection: CLOSE\r\ntransfer-encoding: chunked\r\n\r\n", false, "1.1 200 'OK' Chunked:0 declared=-1 close connection=CLOSE; transfer-encoding=chunked;" },
        { "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", false, "1.1 204 'No Content' None:0 declared=5 content-length=5;" },
        { "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n", false, "1.1 304 'Not Modified' None:0 declared=-1 transfer-encoding=chunked;" },
        { "HTTP/1.1 100 Continue\r\n\r\n", false, "1.1 100 'Continue' None:0 declared=-1" },
        { "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", false, "1.1 999 'Odd' ContentLength:0 declared=0 content-length=0;" },
        { "HTTP/1.1 99 Low\r\n", false, "BadStartLine" },
        { "HTTP/1.1 099 Low\r\n", false, "BadStartLine" },
        { "HTTP/1.1 1000 High\r\n", false, "BadStartLine" },
        { "HTTP/1.1 2x0 OK\r\n", false, "BadStartLine" },
        { "HTTP/1.1  200 OK\r\n", false, "BadStartLine" },
        { "HTTP/1.1\t200 OK\r\n", false, "BadStartLine" },
        { "HTTP/2.0 200 OK\r\n", false, "BadStartLine" },
        { "\r\nHTTP/1.1 200 OK\r\n", false, "BadStartLine" },
        { "\nHTTP/1.1 200 OK\r\n", false, "BareLineFeed" },
        { "ICY", false, "BadStartLine" },
        { "HTTP/1.2 200 OK\r\n", false, "BadVersion" },
        { "http/1.1 200 OK\r\n", false, "BadStartLine" },
        { "HTTP/1.1 200 O\0K\r\n", false, "BadStartLine" },
        { "HTTP/1.1 200 OK\n", false, "BareLineFeed" },
        { "HTTP/1.1 200 OK\r\nx: y\r\n z\r\n", false, "ObsoleteFold" },
        { "HTTP/1.1 200 OK\r\nx : y\r\n", false, "BadFieldName" },
        { "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n", false, "BadContentLength" },
        { "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\n", false, "BadContentLength" },
        { "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", false, "AmbiguousFraming" },
        { "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", false, "AmbiguousFraming" },
        { "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n", false, "UnsupportedTransferEncoding" },
    };

    [Theory]
    [MemberData(nameof(Heads))]
    public void Is_read_or_refused_however_it_is_split(string text, bool isHead, string expected)
    {
        Http.Heads.Response(text, isHead).Should().Be(expected);
        for (var cut = 1; cut < text.Length; cut++)
        {
            Http.Heads.Response(text, isHead, cut).Should().Be(expected, $"split at {cut}");
        }
    }
}

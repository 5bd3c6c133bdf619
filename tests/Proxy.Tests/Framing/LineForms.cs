using static KubeProxyNet.Proxy.Tests.Framing.RequestForm;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>Request lines, line ends and field lines (RFC 9112 §2, §3 and §5).</summary>
internal static class LineForms
{
    private const string Characters = "http1.invalid_characters";
    private const string Lines = "RFC 9112 §2.2";
    private const string Fields = "RFC 9112 §5.1";
    private const string Folding = "RFC 9112 §5.2";
    private const string RequestLine = "RFC 9112 §3";
    private const string Version = "RFC 9110 §2.5";

    public static IEnumerable<RequestForm> All => [.. Ends, .. Starts, .. Names, .. Values];

    private static IEnumerable<RequestForm> Ends =>
    [
        Passed("an empty line before", Lines, "\r\nGET /form HTTP/1.1\r\nhost: a\r\n\r\n", "GET /form a "),
        Passed("four empty lines before", Lines, "\r\n\r\n\r\n\r\nGET /form HTTP/1.1\r\nhost: a\r\n\r\n", "GET /form a "),
        Passed("an empty line between", Lines, "GET /form HTTP/1.1\r\nhost: a\r\n\r\n\r\n", "GET /form a "),
        Refused("five empty lines before", Lines, "\r\n\r\n\r\n\r\n\r\nGET /form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("an LF before", Lines, "\nGET /form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("a CR before", Lines, "\rGET /form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("a space before", Lines, " GET /form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("LF behind the request line", Lines, "GET /form HTTP/1.1\nhost: a\r\n\r\n"),
        Refused("LF behind a field", Lines, "GET /form HTTP/1.1\r\nhost: a\nx: y\r\n\r\n"),
        Refused("LF at the end of the head", Lines, "GET /form HTTP/1.1\r\nhost: a\r\n\n"),
        Refused("LF all over", Lines, "GET /form HTTP/1.1\nhost: a\n\n"),
        Refused("CR for a line end", Lines, "GET /form HTTP/1.1\rhost: a\r\r", 400, "http1.invalid_url"),
        Refused("CR in the request line", Lines, "GET /form\r HTTP/1.1\r\nhost: a\r\n\r\n", 400, "http1.invalid_url"),
        Refused("CR in a value", Lines, "GET /form HTTP/1.1\r\nhost: a\r\nx: y\rz\r\n\r\n", 400, Characters),
        Refused("two CR behind a field", Lines, "GET /form HTTP/1.1\r\nhost: a\r\nx: y\r\r\n\r\n", 400, Characters),
        Refused("CR in a name", Lines, "GET /form HTTP/1.1\r\nhost: a\r\nx\r: y\r\n\r\n", 400, Characters),
        Refused("CR hides a field", Lines, "GET /form HTTP/1.1\r\nhost: a\r\nx: y\rcontent-length: 5\r\n\r\nhello", 400, Characters),
        Refused("space continues a line", Folding, "GET /form HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n"),
        Refused("tab continues a line", Folding, "GET /form HTTP/1.1\r\nhost: a\r\nx: y\r\n\tz\r\n\r\n"),
        Refused("space before the first field", "RFC 9112 §2.2-8", "GET /form HTTP/1.1\r\n host: a\r\n\r\n"),
        Refused("a line of one space", Folding, "GET /form HTTP/1.1\r\nhost: a\r\n \r\n\r\n"),
    ];

    private static IEnumerable<RequestForm> Starts =>
    [
        Passed("an unknown method", "RFC 9110 §9.1", "FROB /form HTTP/1.1\r\nhost: a\r\n\r\n", "FROB /form a "),
        Passed("a method of every kind of character", "RFC 9110 §5.6.2", "!#$%&'*+-.^_`|~9aZ /form HTTP/1.1\r\nhost: a\r\n\r\n", "!#$%&'*+-.^_`|~9aZ /form a "),
        Refused("HTTP/0.9", Version, "GET /form\r\n\r\n"),
        Refused("no target", RequestLine, "GET HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("no method", RequestLine, "/form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("two spaces before the target", RequestLine, "GET  /form HTTP/1.1\r\nhost: a\r\n\r\n", 400, "http1.invalid_url"),
        Refused("two spaces before the version", RequestLine, "GET /form  HTTP/1.1\r\nhost: a\r\n\r\n", 400, "http1.invalid_url"),
        Refused("a tab before the target", RequestLine, "GET\t/form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("a space in the target", RequestLine, "GET /form /x HTTP/1.1\r\nhost: a\r\n\r\n", 400, "http1.invalid_url"),
        Refused("a space behind the version", RequestLine, "GET /form HTTP/1.1 \r\nhost: a\r\n\r\n"),
        Refused("a method in brackets", "RFC 9110 §9.1", "G(T /form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("a method with NUL", "RFC 9110 §9.1", "G\0T /form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("too long a method", "RFC 9110 §15.6.2", $"{new string('G', 33)} /form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("HTTP/2's preface", "RFC 9113 §3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        Refused("HTTP/2.0", Version, "GET /form HTTP/2.0\r\nhost: a\r\n\r\n", 505),
        Refused("HTTP/1.2", Version, "GET /form HTTP/1.2\r\nhost: a\r\n\r\n", 505),
        Refused("HTTP/3.0", Version, "GET /form HTTP/3.0\r\nhost: a\r\n\r\n", 505),
        Refused("HTTP/1.10", "RFC 9112 §2.3", "GET /form HTTP/1.10\r\nhost: a\r\n\r\n"),
        Refused("HTTP/11", "RFC 9112 §2.3", "GET /form HTTP/11\r\nhost: a\r\n\r\n"),
        Refused("HTTP/1,1", "RFC 9112 §2.3", "GET /form HTTP/1,1\r\nhost: a\r\n\r\n"),
        Refused("http/1.1", "RFC 9112 §2.3", "GET /form http/1.1\r\nhost: a\r\n\r\n"),
        Refused("HTTPS/1.1", "RFC 9112 §2.3", "GET /form HTTPS/1.1\r\nhost: a\r\n\r\n"),
        Refused("a TLS client hello", RequestLine, "\u0016\u0003\u0001\u0002\0\u0001\0\u0001"),
        Refused("a PROXY header", RequestLine, "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /form HTTP/1.1\r\nhost: a\r\n\r\n"),
        Refused("zeros", RequestLine, new string('\0', 64)),
        Refused("too large a head", "RFC 6585 §5", $"GET /form HTTP/1.1\r\nhost: a\r\nx: {new string('x', 61_500)}\r\n\r\n", 431, "http1.headers_too_large"),
        Refused("too many fields", "RFC 6585 §5", $"GET /form HTTP/1.1\r\nhost: a\r\n{string.Concat(Enumerable.Repeat("x: y\r\n", 100))}\r\n", 431, "http1.too_many_headers"),
    ];

    private static IEnumerable<RequestForm> Names =>
    [
        Passed("a name of every kind of character", "RFC 9110 §5.6.2", "GET /form HTTP/1.1\r\nhost: a\r\n!#$%&'*+-.^`|~9aZ: y\r\n\r\n", "GET /form a "),
        Passed("no white space behind the colon", Fields, "GET /form HTTP/1.1\r\nhost:a\r\n\r\n", "GET /form a "),
        Refused("no colon", Fields, "GET /form HTTP/1.1\r\nhost: a\r\nx\r\n\r\n", 400, Characters),
        Refused("no name", Fields, "GET /form HTTP/1.1\r\nhost: a\r\n: y\r\n\r\n", 400, Characters),
        Refused("a second request line", Fields, "GET /form HTTP/1.1\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n", 400, Characters),
        .. "\0\u0001\u000b\u001f \t\"(),/;<=>?@[\\]{}\u007f\u0080\u00e9\u00ff".Select(static c => Refused(
            $"0x{(int)c:x2} in a name", Fields, $"GET /form HTTP/1.1\r\nhost: a\r\nx{c}y: z\r\n\r\n", 400, Characters)),
        .. "\0 \t\u000b".Select(static c => Refused(
            $"0x{(int)c:x2} before the colon", Fields, $"GET /form HTTP/1.1\r\nhost{c}: a\r\n\r\n", 400, Characters)),
    ];

    private static IEnumerable<RequestForm> Values =>
    [
        Passed("an empty value", "RFC 9110 §5.5", "GET /form HTTP/1.1\r\nhost: a\r\nx:\r\n\r\n", "GET /form a "),
        Passed("obs-text and tabs in a value", "RFC 9110 §5.5", "GET /form HTTP/1.1\r\nhost: a\r\nx: a\tb\u0080\u00ff\r\n\r\n", "GET /form a "),
        .. Enumerable.Range(0, 32).Append(127).Where(static c => c is not ('\t' or '\r' or '\n')).Select(static c => Refused(
            $"0x{c:x2} in a value", "RFC 9110 §5.5", $"GET /form HTTP/1.1\r\nhost: a\r\nx: y{(char)c}z\r\n\r\n", 400, Characters)),
    ];
}

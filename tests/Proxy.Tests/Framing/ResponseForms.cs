using static KubeProxyNet.Proxy.Tests.Framing.ResponseForm;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>Response heads and bodies (RFC 9112 §4 to §7), and what stands behind them.</summary>
internal static class ResponseForms
{
    private const string Ok = "HTTP/1.1 200 OK\r\n";
    private const string Evil = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    private const string Ambiguous = "http1.content_length_and_chunked_not_allowed";
    private const string BadLength = "http1.invalid_content_length";
    private const string BadCoding = "http1.invalid_transfer_encoding";
    private const string Characters = "http1.invalid_characters";

    public static IEnumerable<ResponseForm> All => [.. Passing, .. WithoutBody, .. Interim, .. Strays, .. Heads, .. Lengths, .. Chunks];

    private static IEnumerable<ResponseForm> Passing =>
    [
        Kept("a length", "RFC 9112 §6.2", $"{Ok}content-length: 5\r\n\r\nhello", "200 hello"),
        Kept("length 0", "RFC 9110 §8.6", $"{Ok}content-length: 0\r\n\r\n", "200 "),
        Kept("chunks", "RFC 9112 §7.1", $"{Ok}transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "200 hello"),
        Kept("extensions and trailers", "RFC 9112 §7.1", $"{Ok}transfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nt: v\r\n\r\n", "200 hello"),
        Kept("white space around an extension", "RFC 9112 §7.1.1", $"{Ok}transfer-encoding: chunked\r\n\r\n5 ; a = b\r\nhello\r\n0\t;c\r\n\r\n", "200 hello"),
        Kept("forbidden trailers", "RFC 9110 §6.5.1", $"{Ok}transfer-encoding: chunked\r\n\r\n0\r\ncontent-length: 5\r\nset-cookie: a\r\n\r\n", "200 "),
        Kept("obs-text in a value and in the reason", "RFC 9110 §5.5", "HTTP/1.1 200 \u00e9\r\nx: \u00ff\tb\r\ncontent-length: 5\r\n\r\nhello", "200 hello"),
        Kept("no reason", "RFC 9112 §4", "HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\nhello", "200 hello"),
        Kept("a status of no class", "RFC 9110 §15", "HTTP/1.1 799 Odd\r\ncontent-length: 5\r\n\r\nhello", "799 hello"),
        Kept("HTTP/1.0 that keeps alive", "RFC 9112 §9.3", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello", "200 hello"),
        Closed("HTTP/1.0", "RFC 9112 §9.3", "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", "200 hello"),
        Closed("asks to close", "RFC 9112 §9.6", $"{Ok}connection: x, close\r\ncontent-length: 5\r\n\r\nhello", "200 hello"),
        Closed("until the connection ends", "RFC 9112 §6.3-8", $"{Ok}\r\nhello", "200 hello", closes: true),
    ];

    private static IEnumerable<ResponseForm> WithoutBody =>
    [
        Kept("204", "RFC 9110 §15.3.5", "HTTP/1.1 204 No Content\r\n\r\n", "204 "),
        Kept("204 with a length", "RFC 9112 §6.3-1", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", "204 "),
        Kept("204 with chunked", "RFC 9112 §6.3-1", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n", "204 "),
        Kept("304 with a length", "RFC 9110 §15.4.5", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "304 "),
        Kept("304 with chunked", "RFC 9112 §6.3-1", "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n", "304 "),
        Kept("HEAD with a length", "RFC 9110 §9.3.2", $"{Ok}content-length: 5\r\n\r\n", "200 ", "HEAD"),
        Kept("HEAD with chunked", "RFC 9112 §6.3-1", $"{Ok}transfer-encoding: chunked\r\n\r\n", "200 ", "HEAD"),
        Kept("HEAD without length", "RFC 9112 §6.3-1", $"{Ok}\r\n", "200 ", "HEAD"),
        Closed("204 with a body", "RFC 9112 §6.3-1", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello", "204 "),
        Closed("204 with chunks", "RFC 9112 §6.3-1", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "204 "),
        Closed("304 with a body", "RFC 9112 §6.3-1", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nhello", "304 "),
        Closed("HEAD with a body", "RFC 9112 §6.3-1", $"{Ok}content-length: 41\r\n\r\n{Evil}", "200 ", "HEAD"),
    ];

    private static IEnumerable<ResponseForm> Interim =>
    [
        Kept("100 before", "RFC 9110 §15.2.1", $"HTTP/1.1 100 Continue\r\n\r\n{Ok}content-length: 5\r\n\r\nhello", "200 hello"),
        Kept("103 before", "RFC 8297 §2", $"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n{Ok}content-length: 5\r\n\r\nhello", "200 hello"),
        Kept("103 with a length before", "RFC 9112 §6.3-1", $"HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\n{Ok}content-length: 5\r\n\r\nhello", "200 hello"),
        Kept("sixteen 1xx before", "RFC 9110 §15.2", $"{string.Concat(Enumerable.Repeat("HTTP/1.1 102 A\r\n\r\n", 16))}{Ok}content-length: 5\r\n\r\nhello", "200 hello"),
        Refused("seventeen 1xx before", "RFC 9110 §15.2", $"{string.Concat(Enumerable.Repeat("HTTP/1.1 102 A\r\n\r\n", 17))}{Ok}content-length: 5\r\n\r\nhello"),
        Refused("101 that nobody asked for", "RFC 9110 §15.2.2", "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
        Refused("103 with both framings", "RFC 9112 §6.1-15", "HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", Ambiguous),
    ];

    private static IEnumerable<ResponseForm> Strays =>
    [
        Closed("a second response behind a length", "RFC 9112 §9.2-4", $"{Ok}content-length: 5\r\n\r\nhello{Evil}", "200 hello"),
        Closed("a second response behind chunks", "RFC 9112 §9.2-4", $"{Ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n{Evil}", "200 hello"),
        Closed("a line end behind a length", "RFC 9112 §9.2-4", $"{Ok}content-length: 5\r\n\r\nhello\r\n", "200 hello"),
        Closed("a byte behind no body", "RFC 9112 §9.2-4", $"{Ok}content-length: 0\r\n\r\n0", "200 "),
    ];

    private static IEnumerable<ResponseForm> Heads =>
    [
        Refused("no HTTP", "RFC 9112 §4", "hello there\r\n\r\n"),
        Refused("HTTP/2.0", "RFC 9112 §2.3", "HTTP/2.0 200 OK\r\n\r\n"),
        Refused("HTTP/1.2", "RFC 9110 §2.5", "HTTP/1.2 200 OK\r\n\r\n"),
        Refused("http/1.1", "RFC 9112 §2.3", "http/1.1 200 OK\r\n\r\n"),
        Refused("two digits", "RFC 9112 §4", "HTTP/1.1 20 OK\r\n\r\n"),
        Refused("four digits", "RFC 9112 §4", "HTTP/1.1 2000 OK\r\n\r\n"),
        Refused("status 099", "RFC 9110 §15", "HTTP/1.1 099 OK\r\n\r\n"),
        Refused("plus 20", "RFC 9112 §4", "HTTP/1.1 +20 OK\r\n\r\n"),
        Refused("two spaces", "RFC 9112 §4", "HTTP/1.1  200 OK\r\n\r\n"),
        Refused("a tab", "RFC 9112 §4", "HTTP/1.1\t200 OK\r\n\r\n"),
        Refused("NUL in the reason", "RFC 9112 §4", "HTTP/1.1 200 O\0K\r\n\r\n"),
        Refused("CR in the reason", "RFC 9112 §2.2", "HTTP/1.1 200 O\rK\r\n\r\n"),
        Refused("an empty line before", "RFC 9112 §2.2", $"\r\n{Ok}content-length: 5\r\n\r\nhello"),
        Refused("an LF before", "RFC 9112 §2.2", $"\n{Ok}content-length: 5\r\n\r\nhello"),
        Refused("a space before", "RFC 9112 §4", $" {Ok}content-length: 5\r\n\r\nhello"),
        Refused("LF behind the status line", "RFC 9112 §2.2", "HTTP/1.1 200 OK\ncontent-length: 5\r\n\r\nhello"),
        Refused("LF behind a field", "RFC 9112 §2.2", $"{Ok}content-length: 5\n\r\nhello"),
        Refused("LF at the end of the head", "RFC 9112 §2.2", $"{Ok}content-length: 5\r\n\nhello"),
        Refused("space continues a line", "RFC 9112 §5.2", $"{Ok}x: y\r\n z\r\ncontent-length: 5\r\n\r\nhello"),
        Refused("tab continues a line", "RFC 9112 §5.2", $"{Ok}x: y\r\n\tz\r\ncontent-length: 5\r\n\r\nhello"),
        Refused("space before the colon", "RFC 9112 §5.1", $"{Ok}content-length : 5\r\n\r\nhello", Characters),
        Refused("no name", "RFC 9112 §5", $"{Ok}: y\r\ncontent-length: 5\r\n\r\nhello", Characters),
        Refused("no colon", "RFC 9112 §5", $"{Ok}x\r\ncontent-length: 5\r\n\r\nhello", Characters),
        Refused("CR in a value", "RFC 9112 §2.2", $"{Ok}x: a\rset-cookie: b\r\ncontent-length: 5\r\n\r\nhello", Characters),
        .. "\0\u0001\u001f \t\"(),/;<=>?@[\\]{}\u007f\u00e9".Select(static c => Refused(
            $"0x{(int)c:x2} in a name", "RFC 9112 §5.1", $"{Ok}x{c}y: z\r\ncontent-length: 5\r\n\r\nhello", Characters)),
        .. Enumerable.Range(0, 32).Append(127).Where(static c => c is not ('\t' or '\r' or '\n')).Select(static c => Refused(
            $"0x{c:x2} in a value", "RFC 9110 §5.5", $"{Ok}x: y{(char)c}z\r\ncontent-length: 5\r\n\r\nhello", Characters)),
        Refused("ends inside the head", "RFC 9112 §8", $"{Ok}content-le", "upstream_reset_before_response_started{connection_termination}", closes: true),
    ];

    private static IEnumerable<ResponseForm> Lengths =>
    [
        .. new[] { "content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 5" }
            .Select(static fields => Bad("RFC 9112 §6.3-3", fields, Ambiguous)),
        .. new[] { "5\r\ncontent-length: 5", "5\r\ncontent-length: 6", "5, 5", "5,6", "+5", "-5", "0x5", "5.0", "5 5", "\"5\"", "", "18446744073709551621" }
            .Select(static value => Bad("RFC 9110 §8.6", $"content-length: {value}", BadLength)),
        .. new[] { "chunked, chunked", "chunked\r\ntransfer-encoding: chunked", "gzip, chunked", "chunked, identity", "identity", "xchunked", "\"chunked\"", "" }
            .Select(static value => Bad("RFC 9112 §6.1", $"transfer-encoding: {value}", BadCoding)),
        Refused("chunked in HTTP/1.0", "RFC 9112 §6.1-16", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Ambiguous),
        Cut("fewer bytes than the length", "RFC 9112 §8", $"{Ok}content-length: 6\r\n\r\nhello", "upstream_reset_after_response_started{connection_termination}", closes: true),
    ];

    private static IEnumerable<ResponseForm> Chunks =>
    [
        .. new[]
        {
            "+5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n",
            "10000000000000005\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n", "5\r\nhello\r\n0\r\nt : v\r\n\r\n", "5\r\nhello\r\n0\r\n\n",
        }.Select(static body => Cut($"chunks: {body}", "RFC 9112 §7.1", $"{Ok}transfer-encoding: chunked\r\n\r\n{body}")),
        Cut("chunks without an end", "RFC 9112 §8", $"{Ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "upstream_reset_after_response_started{connection_termination}", closes: true),
    ];

    private static ResponseForm Bad(string rule, string fields, string details) => Refused(fields, rule, $"{Ok}{fields}\r\n\r\n5\r\nhello\r\n0\r\n\r\n", details);
}

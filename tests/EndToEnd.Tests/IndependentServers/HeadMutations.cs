namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>Heads that are odd in their request line, their line ends or a field that is not about framing, with a second request hidden where it might be found.</summary>
internal static class HeadMutations
{
    private static readonly string[] RequestLines =
    [
        "GET /case HTTP/1.1\r\n", "get /case HTTP/1.1\r\n", "FROB /case HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "HEAD /case HTTP/1.1\r\n", "TRACE /case HTTP/1.1\r\n", "GET /case?a=b HTTP/1.1\r\n", "GET http://b/case HTTP/1.1\r\n", "GET http://b HTTP/1.1\r\n",
        "GET http://b?x HTTP/1.1\r\n", "GET https://b/case HTTP/1.1\r\n", "GET /case HTTP/1.0\r\n", "GET /case\r\n", "GET /case HTTP/1.2\r\n", "GET /case HTTP/2.0\r\n", "GET  /case HTTP/1.1\r\n", "GET /case  HTTP/1.1\r\n", "GET\t/case\tHTTP/1.1\r\n", "GET /case HTTP/1.1 \r\n",
        "GET /case HTTP/1.1\n", "GET /case HTTP/1.1\r", "GET /case HTTP/1.1\r\r\n", "\r\nGET /case HTTP/1.1\r\n", "\nGET /case HTTP/1.1\r\n", " GET /case HTTP/1.1\r\n", "GET /case\0 HTTP/1.1\r\n", "GET /ca\rse HTTP/1.1\r\n", "GET /ca\nse HTTP/1.1\r\n", "GET /case HTTP/1.1\0\r\n",
        "GET /smug%0d%0a%0d%0agled HTTP/1.1\r\n", "GET //b/case HTTP/1.1\r\n", "GET /case/../x HTTP/1.1\r\n", "GET /case/%2e%2e/x HTTP/1.1\r\n", "GET /case;x HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "GET case HTTP/1.1\r\n", "GET a:80 HTTP/1.1\r\n", "GET /case#f HTTP/1.1\r\n", "GET /case HTTP/1.1 x: y\r\n",
    ];

    private static readonly string[] Fields =
    [
        "", "x: y\r\n", "x:y\r\n", "x : y\r\n", "x\t: y\r\n", " x: y\r\n", ": y\r\n", "x\r\n", "x: y\n", "x: y\r", "x: y\r\r\n", "x: y\r\n z\r\n", "x: y\r\n\tz\r\n", "x: \0\r\n", "x: \u0001\r\n", "x: \u007f\r\n", "x\0: y\r\n", "x(: y\r\n", "x\u00e9: y\r\n", "x: \u00e9\r\n",
        "host: b\r\n", "connection: close\r\n", "connection: keep-alive\r\n", "connection: host\r\n", "connection: content-length, transfer-encoding\r\n", "connection: x\r\nx: y\r\n", "connection:\r\n", "te: trailers\r\n", "te: chunked\r\n", "trailer: x\r\n", "expect: 100-continue\r\n", "expect: x\r\n",
        "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n", "keep-alive: timeout=1\r\n", "proxy-connection: close\r\n", "content-type: a\r\n", "x-forwarded-for: 1.2.3.4\r\n", "x-http-method-override: PUT\r\n", "range: bytes=0-1\r\n", "if-match: *\r\n",
    ];

    public static IEnumerable<Mutation> All => [.. Lines, .. OddFields];

    private static IEnumerable<Mutation> Lines =>
        from line in RequestLines
        from body in new[] { "", "content-length: 36\r\n" }
        select new Mutation($"line {line}", $"{line}host: a\r\n{body}\r\n{(body.Length == 0 ? "" : FramingMutations.Smuggled.PadRight(36))}");

    private static IEnumerable<Mutation> OddFields =>
        from line in Fields
        from framing in new[] { "", "content-length", "transfer-encoding" }
        from first in new[] { true, false }
        let honest = framing switch { "" => "", "content-length" => "content-length: 36\r\n", _ => "transfer-encoding: chunked\r\n" }
        let body = framing switch { "" => "", "content-length" => FramingMutations.Smuggled.PadRight(36), _ => $"{FramingMutations.Smuggled.Length:x}\r\n{FramingMutations.Smuggled}\r\n0\r\n\r\n" }
        select new Mutation($"field {line}", $"{(framing.Length == 0 ? "GET" : "POST")} /case HTTP/1.1\r\n{(first ? line : "")}host: a\r\n{honest}{(first ? "" : line)}\r\n{body}");
}

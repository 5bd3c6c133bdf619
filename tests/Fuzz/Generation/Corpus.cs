using System.Text;
using KubeProxyNet.Proxy.Tests.Framing;

namespace KubeProxyNet.Fuzz.Generation;

/// <summary>What mutation begins with: every form of the framing tests, and the pieces that messages are made of.</summary>
internal static class Corpus
{
    public static readonly byte[][] Requests = Bytes(
    [
        .. LengthForms.All.Concat(ChunkForms.All).Concat(LineForms.All).Concat(TargetForms.All).Select(static form => form.Wire),
        "POST /a?b=c HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nx: y\r\nX-Y:z \r\n\r\nhello",
        "GET http://h:80/p?q HTTP/1.1\r\nHost: a\r\nconnection: close, x\r\nx: 1\r\n\r\n",
        "HEAD http://h?q HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: [::1]:8080\r\nx-forwarded-for: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\nx-forwarded-proto: https\r\nx-request-id: 1\r\n\r\n",
        "PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\nte: trailers\r\ntrailer: t\r\n\r\n5;x=\"y\\\"\"\r\nhello\r\nA\r\n0123456789\r\n0\r\nt: v\r\n\r\n",
        "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade, x-a\r\nupgrade: websocket\r\nx-a: b\r\nkeep-alive: 5\r\nproxy-connection: x\r\n\r\n",
    ]);

    public static readonly byte[][] Responses = Bytes(
    [
        .. ResponseForms.All.Select(static form => form.Wire),
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nserver: x\r\ndate: y\r\nset-cookie: a\r\nset-cookie: b\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: keep-alive, x\r\nx: y\r\n\r\n5\r\nhello\r\n0\r\nt: v\r\n\r\n",
        "HTTP/1.0 304 \r\nconnection: keep-alive\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end",
    ]);

    public static readonly byte[][] ChunkedBodies = Bytes(
    [
        .. ChunkForms.All.Select(static form => form.Wire[(form.Wire.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]),
        "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nt: v\r\n\r\n",
        "1;a;b=c; d=\"e\\\"f\";g\r\nx\r\n000000000000000\r\na: b\r\nc:\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "10\r\n0123456789abcdef\r\n1F\r\n0123456789abcdef0123456789abcde\r\n0\r\n\r\n",
    ]);

    public static readonly byte[][] Dictionary = Bytes(
    [
        "\r\n", "\r\n\r\n", "\n", "\r", "\n\n", "\r\r\n", "\0", " ", "\t", ": ", ",", ";", "\"", "\\", "\r\n ", "\r\n\t",
        "content-length: 3\r\n", "content-length: 0\r\n", "Content-Length : 5\r\n", "content-length:5,5\r\n", "content-length\r\n", "content-length: +5\r\n",
        "transfer-encoding: chunked\r\n", "transfer-encoding: identity\r\n", "Transfer-Encoding: chunked, chunked\r\n", "transfer-encoding:\u000bchunked\r\n",
        "0\r\n\r\n", "0\r\n", "5\r\nhello\r\n", ";a=\"\r\n", " ;a\r\n", "\t; a = b ", "ffffffff\r\n", "host: b\r\n", "host:\r\n", "Host: a:b@c\r\n", "host: [\r\n", "host: a:\r\n",
        "connection: close\r\n", "connection: host, content-length, transfer-encoding\r\n", "connection: x, keep-alive\r\n", "connection: upgrade\r\nupgrade: h2c\r\n",
        "expect: 100-continue\r\n", "te: trailers\r\n", "x-forwarded-for: 9.9.9.9\r\n", "x-forwarded-proto: https\r\n", "x-request-id: abc\r\n", "x-envoy-internal: true\r\n",
        "x-envoy-expected-rq-timeout-ms: 1\r\n", "x-envoy-upstream-service-time: 1\r\n", "server: s\r\n", "date: d\r\n", "trailer: x\r\n", "keep-alive: x\r\n", "proxy-connection: x\r\n",
        "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 101 Switching Protocols\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/0.9", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "CONNECT a:1 ", "HEAD / ", "OPTIONS * ", "http://", "https://b", "http://a?b", "//", "/../", "%00", "%0d%0a", "#", "?", "@",
        "x: \u00ff\r\n", "x:\r\n", ":\r\n", "\u0016\u0003\u0001",
    ]);

    private static byte[][] Bytes(IEnumerable<string> texts) => [.. texts.Select(Encoding.Latin1.GetBytes)];
}

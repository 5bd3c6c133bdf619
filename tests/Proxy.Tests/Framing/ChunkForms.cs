using static KubeProxyNet.Proxy.Tests.Framing.RequestForm;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>Chunk sizes, extensions, data ends and trailers (RFC 9112 §7.1).</summary>
internal static class ChunkForms
{
    private const string Size = "RFC 9112 §7.1";
    private const string Extension = "RFC 9112 §7.1.1";
    private const string Trailer = "RFC 9112 §7.1.2";
    private const string Hello = "POST /form a hello";

    public static IEnumerable<RequestForm> All =>
    [
        Good("one chunk", Size, "5\r\nhello\r\n0\r\n\r\n", Hello),
        Good("a chunk a byte", Size, "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n", Hello),
        Good("no data", Size, "0\r\n\r\n", "POST /form a "),
        Good("a size in both cases", Size, "a\r\nhellohello\r\nA\r\nhellohello\r\n0\r\n\r\n", "POST /form a hellohellohellohello"),
        Good("leading zeros", Size, "00005\r\nhello\r\n000\r\n\r\n", Hello),
        Good("data that looks like the end", Size, "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "POST /form a 0\r\n\r\n"),
        Good("an extension", Extension, "5;a\r\nhello\r\n0;b=c\r\n\r\n", Hello),
        Good("white space in an extension", Extension, "5; a = b\r\nhello\r\n0\r\n\r\n", Hello),
        Good("white space before an extension", Extension, "5 ;a\r\nhello\r\n0\t;b\r\n\r\n", Hello),
        Good("white space wherever an extension may have it", Extension, "5 \t ; \t a \t = \t b \t ; \t c\r\nhello\r\n0 ; d = \"e\" ; f\r\n\r\n", Hello),
        Good("a quoted extension", Extension, "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", Hello),
        Good("a trailer", Trailer, "5\r\nhello\r\n0\r\nt: v\r\n\r\n", Hello),
        Good("a trailer without value", Trailer, "5\r\nhello\r\n0\r\nt:\r\n\r\n", Hello),
        Good("content-length as trailer", "RFC 9110 §6.5.1", "5\r\nhello\r\n0\r\ncontent-length: 50\r\n\r\n", Hello),
        Good("transfer-encoding as trailer", "RFC 9110 §6.5.1", "5\r\nhello\r\n0\r\ntransfer-encoding: chunked\r\n\r\n", Hello),
        Good("host as trailer", "RFC 9110 §6.5.1", "5\r\nhello\r\n0\r\nhost: b\r\n\r\n", Hello),
        Good("x-forwarded-for as trailer", "RFC 9110 §6.5.1", "5\r\nhello\r\n0\r\nx-forwarded-for: 1.2.3.4\r\nauthorization: x\r\n\r\n", Hello),

        Bad("no size", Size, "\r\nhello\r\n0\r\n\r\n"),
        Bad("plus", Size, "+5\r\nhello\r\n0\r\n\r\n"),
        Bad("minus", Size, "-5\r\nhello\r\n0\r\n\r\n"),
        Bad("minus zero", Size, "-0\r\n\r\n"),
        Bad("0x", Size, "0x5\r\nhello\r\n0\r\n\r\n"),
        Bad("no digit", Size, "g\r\nhello\r\n0\r\n\r\n"),
        Bad("an underscore", Size, "0_5\r\nhello\r\n0\r\n\r\n"),
        Bad("space before", Size, " 5\r\nhello\r\n0\r\n\r\n"),
        Bad("space behind", Size, "5 \r\nhello\r\n0\r\n\r\n"),
        Bad("tab behind", Size, "5\t\r\nhello\r\n0\r\n\r\n"),
        Bad("a comma", Size, "5,5\r\nhello\r\n0\r\n\r\n"),
        Bad("2^64 + 5", Size, "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        Bad("2^63", Size, "8000000000000000\r\nhello\r\n0\r\n\r\n"),
        Bad("2^64 - 1", Size, "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        Bad("more digits than a size needs", Size, "0000000000000005\r\nhello\r\n0\r\n\r\n"),
        Bad("LF behind the size", Size, "5\nhello\r\n0\r\n\r\n"),
        Bad("CR behind the size", Size, "5\rhello\r\n0\r\n\r\n"),
        Bad("two CR behind the size", Size, "5\r\r\nhello\r\n0\r\n\r\n"),
        Bad("NUL behind the size", Size, "5\0\r\nhello\r\n0\r\n\r\n"),
        Bad("LF behind the data", Size, "5\r\nhello\n0\r\n\r\n"),
        Bad("CR behind the data", Size, "5\r\nhello\r0\r\n\r\n"),
        Bad("nothing behind the data", Size, "5\r\nhello0\r\n\r\n"),
        Bad("more data than the size says", Size, "5\r\nhello!\r\n0\r\n\r\n"),
        Bad("less data than the size says", Size, "6\r\nhello\r\n0\r\n\r\n"),
        Bad("LF at the end", Size, "0\r\n\n"),
        Bad("LF behind the last size", Size, "0\n\r\n"),
        Bad("another byte at the end", Size, "0\r\n\rX"),

        Bad("LF in an extension", Extension, "5;a\nhello\r\n0\r\n\r\n"),
        Bad("CR in an extension", Extension, "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        Bad("LF in a quoted extension", Extension, "5;a=\"\nb\"\r\nhello\r\n0\r\n\r\n"),
        Bad("NUL in an extension", Extension, "5;\0\r\nhello\r\n0\r\n\r\n"),
        Bad("a quoted extension that does not end", Extension, "5;a=\"\r\nhello\r\n0\r\n\r\n"),
        Bad("a quoted CR LF", Extension, "5;a=\"\r\nhello\r\n0\r\n\r\n\"\r\n"),
        Bad("no name", Extension, "5;\r\nhello\r\n0\r\n\r\n"),
        Bad("white space that no extension follows", Extension, "5 \t \r\nhello\r\n0\r\n\r\n"),
        Bad("white space inside the size", Extension, "0 5;a\r\nhello\r\n0\r\n\r\n"),
        Bad("white space behind an extension", Extension, "5 ;a \r\nhello\r\n0\r\n\r\n"),
        Bad("white space and LF", Extension, "5 \n;a\r\nhello\r\n0\r\n\r\n"),
        Bad("white space and CR", Extension, "5 \r;a\r\nhello\r\n0\r\n\r\n"),
        Bad("white space that is none", Extension, "5\v;a\r\nhello\r\n0\r\n\r\n"),
        Bad("white space and a name without semicolon", Extension, "5 a\r\nhello\r\n0\r\n\r\n"),
        Bad("an extension without size", Extension, ";a\r\nhello\r\n0\r\n\r\n"),

        Bad("a trailer without colon", Trailer, "0\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
        Bad("a trailer without name", Trailer, "0\r\n: v\r\n\r\n"),
        Bad("a folded trailer", Trailer, "0\r\nt: v\r\n w\r\n\r\n"),
        Bad("space before a trailer's colon", Trailer, "0\r\nt : v\r\n\r\n"),
        Bad("LF behind a trailer", Trailer, "0\r\nt: v\n\r\n"),
        Bad("CR in a trailer", Trailer, "0\r\nt: v\rw\r\n\r\n"),
        Bad("NUL in a trailer", Trailer, "0\r\nt: \0\r\n\r\n"),
    ];

    private static RequestForm Good(string name, string rule, string body, string reaches) =>
        Passed($"chunks: {name}", rule, LengthForms.Post("transfer-encoding: chunked", body), reaches);

    private static RequestForm Bad(string name, string rule, string body) =>
        Refused($"chunks: {name}", rule, LengthForms.Post("transfer-encoding: chunked", body));
}

using static KubeProxyNet.Proxy.Tests.Framing.RequestForm;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>How long a request's body is: Content-Length and Transfer-Encoding in every combination and misspelling (RFC 9112 §6).</summary>
internal static class LengthForms
{
    private const string Ambiguous = "http1.content_length_and_chunked_not_allowed";
    private const string BadLength = "http1.invalid_content_length";
    private const string BadCoding = "http1.invalid_transfer_encoding";

    public static IEnumerable<RequestForm> All =>
    [
        Passed("no length", "RFC 9112 §6.3-8", Post("", ""), "POST /form a "),
        Passed("length 0", "RFC 9110 §8.6", Post("content-length: 0", ""), "POST /form a "),
        Passed("a length", "RFC 9112 §6.2", Post("content-length: 5", "hello"), "POST /form a hello"),
        Passed("a body that looks like a request", "RFC 9112 §6.2", Post("content-length: 36", "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n."), "POST /form a GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n."),
        Passed("leading zeros", "RFC 9110 §8.6", Post("content-length: 0005", "hello"), "POST /form a hello"),
        Passed("white space around the length", "RFC 9112 §5.1", Post("content-length:\t 5 \t", "hello"), "POST /form a hello"),
        Passed("GET with a body", "RFC 9110 §9.3.1", "GET /form HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello", "GET /form a hello"),
        Passed("chunked", "RFC 9112 §7.1", Post("transfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), "POST /form a hello"),
        Passed("chunked in capitals", "RFC 9112 §7", Post("Transfer-Encoding: CHUNKED", "5\r\nhello\r\n0\r\n\r\n"), "POST /form a hello"),
        Passed("GET with chunks", "RFC 9110 §9.3.1", "GET /form HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "GET /form a "),

        Refused("CL.TE", "RFC 9112 §6.1-15", Post("content-length: 6\r\ntransfer-encoding: chunked", "0\r\n\r\nG"), 400, Ambiguous),
        Refused("TE.CL", "RFC 9112 §6.1-15", Post("transfer-encoding: chunked\r\ncontent-length: 3", "0\r\n\r\n"), 400, Ambiguous),
        Refused("CL.TE with agreeing lengths", "RFC 9112 §6.1-15", Post("content-length: 5\r\ntransfer-encoding: chunked", "0\r\n\r\n"), 400, Ambiguous),
        Refused("TE in HTTP/1.0", "RFC 9112 §6.1-16", "POST /form HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, Ambiguous),

        Refused("TE.TE", "RFC 9112 §6.1-4", Post("transfer-encoding: chunked\r\ntransfer-encoding: x", "0\r\n\r\n"), 501, BadCoding),
        Refused("chunked twice in two fields", "RFC 9112 §6.1-4", Post("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "0\r\n\r\n"), 501, BadCoding),
        Refused("chunked twice in a list", "RFC 9112 §6.1-4", Post("transfer-encoding: chunked, chunked", "0\r\n\r\n"), 501, BadCoding),
        Refused("chunked, then identity", "RFC 9112 §6.3-4", Post("transfer-encoding: chunked, identity", "0\r\n\r\n"), 501, BadCoding),
        Refused("identity", "RFC 9112 §7", Post("transfer-encoding: identity", ""), 501, BadCoding),
        Refused("gzip, then chunked", "RFC 9112 §6.1-12", Post("transfer-encoding: gzip, chunked", "0\r\n\r\n"), 501, BadCoding),
        Refused("gzip alone", "RFC 9112 §6.3-4", Post("transfer-encoding: gzip", ""), 501, BadCoding),
        Refused("xchunked", "RFC 9112 §6.1-12", Post("transfer-encoding: xchunked", "0\r\n\r\n"), 501, BadCoding),
        Refused("chunked with a parameter", "RFC 9112 §7.1-2", Post("transfer-encoding: chunked;q=1", "0\r\n\r\n"), 501, BadCoding),
        Refused("chunked in quotes", "RFC 9112 §7", Post("transfer-encoding: \"chunked\"", "0\r\n\r\n"), 501, BadCoding),
        Refused("chunked behind a comma", "RFC 9110 §5.6.1", Post("transfer-encoding: ,chunked", "0\r\n\r\n"), 501, BadCoding),
        Refused("an empty coding", "RFC 9112 §6.1", Post("transfer-encoding:", "0\r\n\r\n"), 501, BadCoding),
        Refused("a coding behind a vertical tab", "RFC 9110 §5.5", Post("transfer-encoding: \vchunked", "0\r\n\r\n"), 400, "http1.invalid_characters"),
        Refused("a coding with NUL", "RFC 9110 §5.5", Post("transfer-encoding: chunked\0", "0\r\n\r\n"), 400, "http1.invalid_characters"),
        Refused("a coding with obs-text", "RFC 9112 §7", Post("transfer-encoding: chunked\u00a0", "0\r\n\r\n"), 501, BadCoding),
        Refused("a coding on a folded line", "RFC 9112 §5.2", Post("transfer-encoding:\r\n chunked", "0\r\n\r\n")),
        Refused("a coding with space before the colon", "RFC 9112 §5.1", Post("transfer-encoding : chunked", "0\r\n\r\n"), 400, "http1.invalid_characters"),

        Refused("two lengths that differ", "RFC 9112 §6.3-5", Post("content-length: 5\r\ncontent-length: 6", "hello"), 400, BadLength),
        Refused("the same length twice", "RFC 9112 §6.3-5", Post("content-length: 5\r\ncontent-length: 5", "hello"), 400, BadLength),
        Refused("a list of lengths", "RFC 9110 §8.6", Post("content-length: 5, 5", "hello"), 400, BadLength),
        Refused("a list that differs", "RFC 9112 §6.3-5", Post("content-length: 5,6", "hello"), 400, BadLength),
        Refused("a length and a comma", "RFC 9110 §8.6", Post("content-length: 5,", "hello"), 400, BadLength),
        Refused("plus", "RFC 9110 §8.6", Post("content-length: +5", "hello"), 400, BadLength),
        Refused("minus", "RFC 9110 §8.6", Post("content-length: -5", "hello"), 400, BadLength),
        Refused("minus zero", "RFC 9110 §8.6", Post("content-length: -0", ""), 400, BadLength),
        Refused("hexadecimal", "RFC 9110 §8.6", Post("content-length: 0x5", "hello"), 400, BadLength),
        Refused("a hexadecimal digit", "RFC 9110 §8.6", Post("content-length: a", "hellohello"), 400, BadLength),
        Refused("a fraction", "RFC 9110 §8.6", Post("content-length: 5.0", "hello"), 400, BadLength),
        Refused("an exponent", "RFC 9110 §8.6", Post("content-length: 5e0", "hello"), 400, BadLength),
        Refused("underscores", "RFC 9110 §8.6", Post("content-length: 0_5", "hello"), 400, BadLength),
        Refused("two numbers", "RFC 9110 §8.6", Post("content-length: 5 5", "hello"), 400, BadLength),
        Refused("in quotes", "RFC 9110 §8.6", Post("content-length: \"5\"", "hello"), 400, BadLength),
        Refused("superscript two", "RFC 9110 §8.6", Post("content-length: \u00b2", "he"), 400, BadLength),
        Refused("an empty length", "RFC 9110 §8.6", Post("content-length:", "hello"), 400, BadLength),
        Refused("2^64 + 5", "RFC 9110 §8.6-12", Post("content-length: 18446744073709551621", "hello"), 400, BadLength),
        Refused("2^63", "RFC 9110 §8.6-12", Post("content-length: 9223372036854775808", "hello"), 400, BadLength),
        Refused("more digits than a length needs", "RFC 9110 §8.6-12", Post("content-length: 0000000000000000005", "hello"), 400, BadLength),
        Refused("a length on a folded line", "RFC 9112 §5.2", Post("content-length:\r\n 5", "hello")),
        Refused("a length with space before the colon", "RFC 9112 §5.1", Post("content-length : 5", "hello"), 400, "http1.invalid_characters"),
        Refused("a length with a vertical tab", "RFC 9110 §5.5", Post("content-length: \v5", "hello"), 400, "http1.invalid_characters"),
    ];

    internal static string Post(string fields, string body) =>
        $"POST /form HTTP/1.1\r\nhost: a\r\n{(fields.Length == 0 ? "" : fields + "\r\n")}\r\n{body}";
}

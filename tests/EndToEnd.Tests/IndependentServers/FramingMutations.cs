namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>
/// Requests whose framing is told twice, once honestly and once in an odd way that some parser may take for the true one. Read honestly, the
/// body holds a whole second request, <c>GET /smuggled</c>; whoever believes the odd field takes it for a request of its own.
/// </summary>
internal static class FramingMutations
{
    private static readonly string[] CodingNames =
        ["transfer-encoding", "Transfer-Encoding", "TRANSFER-ENCODING", "transfer-encoding ", "transfer-encoding\t", " transfer-encoding", "transfer_encoding", "transfer-encoding\0", "transfer\u00adencoding", "x\rtransfer-encoding", "x: y\ntransfer-encoding", "transfer-encoding:"];

    private static readonly string[] CodingValues =
        [" chunked", "chunked", "\tchunked", " chunked ", " Chunked", " \u000bchunked", " chunked\0", " xchunked", " chunked, identity", " identity, chunked", " identity", " chunked;q=1", " \"chunked\"", " chunked\u00a0", "\r\n chunked", " ,chunked"];

    private static readonly string[] LengthNames =
        ["content-length", "Content-Length", "content-length ", "content-length\t", " content-length", "content_length", "content-length\0", "content\u00adlength", "x\rcontent-length", "x: y\ncontent-length", "content-length:"];

    private static readonly string[] LengthValues =
        [" {0}", "{0}", " +{0}", " -{0}", " 0{0}", " {0}, {0}", " {0};", " 0x{1:x}", " {0}\0", " \u000b{0}", "\r\n {0}", " 1{0}\r\ncontent-length: {0}", " 18446744073709551616{0}", " {0}.0"];

    public static IEnumerable<Mutation> All => [.. Codings, .. Lengths];

    /// <summary>A length that covers everything, and a coding by which the body ends at once.</summary>
    private static IEnumerable<Mutation> Codings =>
        from name in CodingNames
        from value in CodingValues
        from first in new[] { true, false }
        let odd = $"{name}:{value}\r\n"
        let body = $"0\r\n\r\n{Smuggled}"
        let honest = $"content-length: {body.Length}\r\n"
        select new Mutation($"coding {name}:{value}", $"POST /case HTTP/1.1\r\nhost: a\r\n{(first ? odd + honest : honest + odd)}\r\n{body}");

    /// <summary>Chunks that cover everything, and a length by which the body ends before the second request.</summary>
    private static IEnumerable<Mutation> Lengths =>
        from name in LengthNames
        from value in LengthValues
        from first in new[] { true, false }
        let size = $"{Smuggled.Length:x}\r\n"
        let number = string.Format(System.Globalization.CultureInfo.InvariantCulture, value, size.Length, size.Length)
        let odd = $"{name}:{number}\r\n"
        let honest = "transfer-encoding: chunked\r\n"
        select new Mutation($"length {name}:{number}", $"POST /case HTTP/1.1\r\nhost: a\r\n{(first ? odd + honest : honest + odd)}\r\n{size}{Smuggled}\r\n0\r\n\r\n");

    internal static string Smuggled => "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
}

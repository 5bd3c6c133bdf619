namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>Chunked bodies, odd in one place, with a second request inside a chunk or behind what some parser may take for the end.</summary>
internal static class ChunkMutations
{
    /// <summary>What may stand for the honest <c>{size}CRLF</c>: 0 is the size in hexadecimal.</summary>
    private static readonly string[] Sizes =
    [
        "{0}\r\n", "{0}\n", "{0}\r", "{0}\r\r\n", "{0} \r\n", " {0}\r\n", "\t{0}\r\n", "+{0}\r\n", "-{0}\r\n", "0x{0}\r\n", "0{0}\r\n", "0_{0}\r\n", "{0}\0\r\n", "1000000000000000{0}\r\n", "00000000000000000{0}\r\n",
        "{0};\r\n", "{0};a=b\r\n", "{0};a=\"b;c\"\r\n", "{0};a\n", "{0};a\rb\r\n", "{0};\n\r\n", "{0};a=\"\n\"\r\n", "{0} ;a\r\n", "{0}\t;a=b\r\n", "{0} \t ; a = \"b\" ; c\r\n", "{0} \n;a\r\n", "{0} ;a \r\n", "{0};\0\r\n", "{0},0\r\n", "{0}g\r\n", "\r\n{0}\r\n",
    ];

    private static readonly string[] DataEnds = ["\r\n", "\n", "\r", "", "\r\r\n", "\n\n", "x\r\n", "\r\n\r\n", "\0\r\n"];

    private static readonly string[] Lasts =
        ["0\r\n\r\n", "0\n\n", "0\r\n\n", "0\n\r\n", "0\r\r", "00\r\n\r\n", "0;a\r\n\r\n", "0 \r\n\r\n", "-0\r\n\r\n", "0x0\r\n\r\n", "0\r\nt: v\r\n\r\n", "0\r\nt : v\r\n\r\n", "0\r\nt\r\n\r\n", "0\r\n t: v\r\n\r\n", "0\r\nt: v\n\r\n", "0\r\ncontent-length: 9\r\n\r\n", "0\r\ntransfer-encoding: chunked\r\n\r\n", "0\r\n: v\r\n\r\n"];

    public static IEnumerable<Mutation> All => [.. OddSizes, .. OddEnds, .. OddLasts];

    private static IEnumerable<Mutation> OddSizes =>
        from size in Sizes
        from data in new[] { "5\r\nhello\r\n", $"0\r\n\r\n{FramingMutations.Smuggled}", $"hello\r\n0\r\n\r\n{FramingMutations.Smuggled}" }
        from before in new[] { "", "3\r\nabc\r\n" }
        let line = string.Format(System.Globalization.CultureInfo.InvariantCulture, size, $"{data.Length:x}")
        select Chunked($"size {size}", $"{before}{line}{data}\r\n0\r\n\r\n");

    private static IEnumerable<Mutation> OddEnds =>
        from end in DataEnds
        from data in new[] { "hello", $"0\r\n\r\n{FramingMutations.Smuggled}" }
        from behind in new[] { "0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n" }
        select Chunked($"data end {end}", $"{data.Length:x}\r\n{data}{end}{behind}");

    private static IEnumerable<Mutation> OddLasts =>
        from last in Lasts
        from data in new[] { "", "5\r\nhello\r\n" }
        select Chunked($"last {last}", $"{data}{last}");

    private static Mutation Chunked(string kind, string body) => new($"chunks: {kind}", $"POST /case HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}");
}

namespace KubeProxyNet.Testing.Http2.Hpack;

/// <summary>Huffman's code of RFC 7541, appendix B. It is canonical, so the lengths of its words say everything.</summary>
public static class HuffmanCode
{
    private const int EndOfString = 256;

    /// <summary>Bits of the word for each byte, and of the end of the string.</summary>
    private static readonly byte[] Lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    private static readonly Dictionary<(int Length, uint Word), int> Symbols = Assign();

    /// <summary>Throws <see cref="HpackFaultException"/> where section 5.2 says that it is an error.</summary>
    public static byte[] Decode(ReadOnlySpan<byte> coded)
    {
        var text = new List<byte>();
        var (word, length) = (0u, 0);
        foreach (var b in coded)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                (word, length) = ((word << 1) | (uint)((b >> bit) & 1), length + 1);
                if (!Symbols.TryGetValue((length, word), out var symbol))
                {
                    continue;
                }

                text.Add(symbol < EndOfString ? (byte)symbol : throw new HpackFaultException("the end of the string is coded in the string"));
                (word, length) = (0, 0);
            }
        }

        return length < 8 && word == (1u << length) - 1 ? [.. text] : throw new HpackFaultException("padding that is not the beginning of the end of the string, or too long");
    }

    /// <summary>Words in ascending order of length and then of symbol, each the next number.</summary>
    private static Dictionary<(int Length, uint Word), int> Assign()
    {
        var symbols = new Dictionary<(int, uint), int>();
        var (word, before) = (0u, 0);
        foreach (var (symbol, length) in Lengths.Index().OrderBy(static entry => entry.Item).ThenBy(static entry => entry.Index))
        {
            word = before == 0 ? 0 : (word + 1) << (length - before);
            before = length;
            symbols.Add((length, word), symbol);
        }

        return symbols;
    }
}

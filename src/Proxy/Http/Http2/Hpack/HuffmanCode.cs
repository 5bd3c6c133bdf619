namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>The Huffman code of RFC 7541 appendix B. It is canonical: the lengths say all of it.</summary>
internal static class HuffmanCode
{
    /// <summary>The symbol that ends a string and must not stand in one.</summary>
    public const int EndOfString = 256;

    /// <summary>Bits of the longest code.</summary>
    public const int MaxLength = 30;

    /// <summary>Bits of the shortest code.</summary>
    public const int MinLength = 5;

    /// <summary>Bits that <see cref="Pairs"/> looks at.</summary>
    public const int PairBits = 12;

    // In the order of the symbols; the last one is EOS.
    private static readonly byte[] AllLengths =
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

    // Symbols in the order of their codes.
    private static readonly short[] Order = Sorted();

    /// <summary>The codes of the 256 bytes, each at the low end.</summary>
    public static readonly uint[] Codes = new uint[256];

    /// <summary>The lengths of the codes of the 256 bytes.</summary>
    public static readonly byte[] Lengths = AllLengths[..256];

    /// <summary>
    /// What the next <see cref="PairBits"/> bits begin with: two symbols where both are whole, else one; 0 where the first one is longer.
    /// See <see cref="Pair"/> for the parts.
    /// </summary>
    public static readonly uint[] Pairs = new uint[1 << PairBits];

    // By length: the first code that is longer, at the high end of 32 bits, and where in Order the codes of this length begin.
    private static readonly ulong[] Ends = new ulong[MaxLength + 1];
    private static readonly uint[] FirstCodes = new uint[MaxLength + 1];
    private static readonly int[] FirstPlaces = new int[MaxLength + 1];

    static HuffmanCode()
    {
        var code = 0u;
        var length = AllLengths[Order[0]];
        for (var place = 0; place < Order.Length; place++)
        {
            var symbol = Order[place];
            code <<= AllLengths[symbol] - length;
            length = AllLengths[symbol];
            if (Ends[length] == 0)
            {
                FirstCodes[length] = code;
                FirstPlaces[length] = place;
            }

            if (symbol != EndOfString)
            {
                Codes[symbol] = code;
            }

            code++;
            Ends[length] = (ulong)code << (32 - length);
        }

        for (var bits = 0u; bits < Pairs.Length; bits++)
        {
            Pairs[bits] = MakePair(bits << (32 - PairBits));
        }
    }

    /// <summary>Finds the symbol that 32 bits begin with, and the length of its code.</summary>
    public static int Symbol(uint bits, out int length)
    {
        length = MinLength;
        while (bits >= Ends[length])
        {
            length++;
        }

        return Order[FirstPlaces[length] + (int)((bits >> (32 - length)) - FirstCodes[length])];
    }

    private static uint MakePair(uint bits)
    {
        var first = Symbol(bits, out var length);
        if (length > PairBits)
        {
            return 0;
        }

        var second = Symbol(bits << length, out var secondLength);
        return length + secondLength > PairBits
            ? Pair.Of(first, 0, length, length, 1)
            : Pair.Of(first, second, length, length + secondLength, 2);
    }

    private static short[] Sorted()
    {
        var order = new short[AllLengths.Length];
        for (short symbol = 0; symbol < order.Length; symbol++)
        {
            order[symbol] = symbol;
        }

        Array.Sort(order, static (a, b) => AllLengths[a] != AllLengths[b] ? AllLengths[a] - AllLengths[b] : a - b);
        return order;
    }

    /// <summary>The parts of an entry of <see cref="Pairs"/>: both symbols in the low 16 bits, in the order in which they are written.</summary>
    public static class Pair
    {
        public static uint Of(int first, int second, int firstLength, int length, int count) =>
            (uint)(first | (second << 8) | (length << 16) | (firstLength << 24) | (count << 28));

        /// <summary>Bits of all symbols.</summary>
        public static int Length(uint pair) => (int)((pair >> 16) & 0xFF);

        /// <summary>Bits of the first symbol.</summary>
        public static int FirstLength(uint pair) => (int)((pair >> 24) & 0xF);

        /// <summary>Number of symbols: 1 or 2.</summary>
        public static int Count(uint pair) => (int)(pair >> 28);
    }
}

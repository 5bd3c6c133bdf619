using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>Writes and reads Huffman-coded strings (RFC 7541 §5.2).</summary>
internal static class Huffman
{
    /// <summary>Room that <see cref="TryDecode"/> needs: a byte for each of the shortest codes, and one since it writes two at a time.</summary>
    public static int MaxDecodedLength(int encodedLength) => (int)((encodedLength * 8L / HuffmanCode.MinLength) + 1);

    /// <summary>Bytes that a string takes encoded.</summary>
    public static int EncodedLength(ReadOnlySpan<byte> text)
    {
        ref var lengths = ref MemoryMarshal.GetArrayDataReference(HuffmanCode.Lengths);
        var bits = 0L;
        foreach (var b in text)
        {
            bits += Unsafe.Add(ref lengths, b);
        }

        return (int)((bits + 7) / 8);
    }

    /// <summary>Encodes a string into exactly <see cref="EncodedLength"/> bytes; padded with the beginning of EOS.</summary>
    public static void Encode(ReadOnlySpan<byte> text, Span<byte> encoded)
    {
        ref var codes = ref MemoryMarshal.GetArrayDataReference(HuffmanCode.Codes);
        ref var lengths = ref MemoryMarshal.GetArrayDataReference(HuffmanCode.Lengths);
        var held = 0UL;
        var bits = 0;
        var at = 0;
        foreach (var b in text)
        {
            var length = Unsafe.Add(ref lengths, b);
            held = (held << length) | Unsafe.Add(ref codes, b);
            bits += length;
            if (bits >= 32)
            {
                bits -= 32;
                BinaryPrimitives.WriteUInt32BigEndian(encoded[at..], (uint)(held >> bits));
                at += 4;
            }
        }

        for (; bits >= 8; bits -= 8)
        {
            encoded[at++] = (byte)(held >> (bits - 8));
        }

        if (bits > 0)
        {
            encoded[at] = (byte)((held << (8 - bits)) | (0xFFu >> bits));
        }
    }

    /// <summary>
    /// Decodes a string into a buffer of at least <see cref="MaxDecodedLength"/> bytes. False where it holds EOS, or where what follows its
    /// last symbol is more than 7 bits or not the beginning of EOS.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, Span<byte> text, out int length)
    {
        ref var pairs = ref MemoryMarshal.GetArrayDataReference(HuffmanCode.Pairs);
        var held = 0UL;
        var bits = 0;
        var at = 0;
        length = 0;
        while (true)
        {
            // At the high end of held are the next bits; the rest of it is zero.
            if (encoded.Length - at >= 8)
            {
                held |= BinaryPrimitives.ReadUInt64BigEndian(encoded[at..]) >> bits;
                var taken = (63 - bits) >> 3;
                at += taken;
                bits += taken * 8;
                // Bits of a byte that was not wholly taken come again with the next one, at the same places.
                held &= ulong.MaxValue << (64 - bits);
            }
            else
            {
                while (bits <= 56 && at < encoded.Length)
                {
                    held |= (ulong)encoded[at++] << (56 - bits);
                    bits += 8;
                }

                if (bits < HuffmanCode.MaxLength)
                {
                    return TryDecodeEnd(held, bits, text, ref length);
                }
            }

            // Every code is whole as long as there are as many bits as the longest one has.
            do
            {
                var pair = Unsafe.Add(ref pairs, (nuint)(held >> (64 - HuffmanCode.PairBits)));
                if (pair != 0)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(text[length..], (ushort)pair);
                    length += HuffmanCode.Pair.Count(pair);
                    held <<= HuffmanCode.Pair.Length(pair);
                    bits -= HuffmanCode.Pair.Length(pair);
                    continue;
                }

                var symbol = HuffmanCode.Symbol((uint)(held >> 32), out var used);
                if (symbol == HuffmanCode.EndOfString)
                {
                    return false;
                }

                text[length++] = (byte)symbol;
                held <<= used;
                bits -= used;
            }
            while (bits >= HuffmanCode.MaxLength);
        }
    }

    private static bool TryDecodeEnd(ulong held, int bits, Span<byte> text, ref int length)
    {
        while (bits >= HuffmanCode.MinLength)
        {
            // Ones behind the end are what padding consists of, so that a symbol which is not whole shows by its length alone.
            var padded = held | (ulong.MaxValue >> bits);
            var pair = HuffmanCode.Pairs[padded >> (64 - HuffmanCode.PairBits)];
            var used = HuffmanCode.Pair.FirstLength(pair);
            var symbol = pair != 0 ? (byte)pair : HuffmanCode.Symbol((uint)(padded >> 32), out used);
            if (used > bits)
            {
                break;
            }

            text[length++] = (byte)symbol;
            held <<= used;
            bits -= used;
        }

        return bits < 8 && held == (bits == 0 ? 0 : ulong.MaxValue << (64 - bits));
    }
}

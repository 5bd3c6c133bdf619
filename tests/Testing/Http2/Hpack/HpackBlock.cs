using System.Text;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2.Hpack;

/// <summary>
/// Makes header blocks (RFC 7541 section 6), piece by piece, right or wrong. Text goes as it is, in Latin-1, without Huffman's code.
/// </summary>
public sealed class HpackBlock
{
    private readonly List<byte> _bytes = [];

    /// <summary>Literals that enter no table.</summary>
    public static byte[] Of(params IEnumerable<RawHeader> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var block = new HpackBlock();
        foreach (var field in fields)
        {
            block.Literal(field.Name, field.Value);
        }

        return block.ToBytes();
    }

    public byte[] ToBytes() => [.. _bytes];

    /// <summary>Section 6.2.2.</summary>
    public HpackBlock Literal(string name, string value) => Raw(0x00).Text(name).Text(value);

    /// <summary>Section 6.2.3.</summary>
    public HpackBlock NeverIndexed(string name, string value) => Raw(0x10).Text(name).Text(value);

    /// <summary>Section 6.2.1: enters the table.</summary>
    public HpackBlock Added(string name, string value) => Raw(0x40).Text(name).Text(value);

    /// <summary>Section 6.2.1 with a name of the tables.</summary>
    public HpackBlock Added(int nameIndex, string value) => Number(0x40, 6, nameIndex).Text(value);

    /// <summary>Section 6.1.</summary>
    public HpackBlock Indexed(int index) => Number(0x80, 7, index);

    /// <summary>Section 6.3.</summary>
    public HpackBlock TableSize(int size) => Number(0x20, 5, size);

    /// <summary>A string without Huffman's code, section 5.2.</summary>
    public HpackBlock Text(string text) => Number(0x00, 7, text.Length).Raw(Encoding.Latin1.GetBytes(text));

    /// <summary>An integer, section 5.1.</summary>
    /// <param name="first">The bits above the prefix.</param>
    /// <param name="prefix">Bits of the prefix.</param>
    /// <param name="value">The integer.</param>
    public HpackBlock Number(int first, int prefix, long value)
    {
        var most = (1 << prefix) - 1;
        if (value < most)
        {
            return Raw((byte)(first | (int)value));
        }

        Raw((byte)(first | most));
        value -= most;
        while (value >= 0x80)
        {
            Raw((byte)(0x80 | (value & 0x7f)));
            value >>= 7;
        }

        return Raw((byte)value);
    }

    /// <summary>Any bytes.</summary>
    public HpackBlock Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }
}

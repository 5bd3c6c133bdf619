using System.Text;

namespace KubeProxyNet.Fuzz.Generation;

/// <summary>Bytes that grow and shrink in the middle; never longer than <see cref="MaxLength"/>, what goes beyond is cut off.</summary>
internal sealed class ByteText
{
    /// <summary>Longer than any head that is accepted.</summary>
    public const int MaxLength = 160 * 1024;

    private byte[] _bytes = new byte[4096];

    public int Length { get; private set; }

    public Span<byte> Span => _bytes.AsSpan(0, Length);

    public ref byte this[int index] => ref _bytes[index];

    public void Clear() => Length = 0;

    public void Add(ReadOnlySpan<byte> bytes) => Insert(Length, bytes);

    public void Add(byte b) => Insert(Length, [b]);

    /// <summary>Latin-1 text.</summary>
    public void Add(string text) => Add(Encoding.Latin1.GetBytes(text));

    /// <summary>A number with its length before it, so that two lists of them are equal only where all members are.</summary>
    public void AddNumber(long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Add(bytes);
    }

    /// <inheritdoc cref="AddNumber"/>
    public void AddPart(ReadOnlySpan<byte> bytes)
    {
        AddNumber(bytes.Length);
        Add(bytes);
    }

    public void Insert(int at, ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, MaxLength - Length);
        if (Length + count > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        }

        _bytes.AsSpan(at, Length - at).CopyTo(_bytes.AsSpan(at + count));
        bytes[..count].CopyTo(_bytes.AsSpan(at));
        Length += count;
    }

    public void Remove(int at, int count)
    {
        _bytes.AsSpan(at + count, Length - at - count).CopyTo(_bytes.AsSpan(at));
        Length -= count;
    }
}

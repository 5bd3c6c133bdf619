using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Http;

/// <summary>Writes bytes one behind the other into a buffer that the caller has made large enough.</summary>
internal ref struct ByteWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;

    /// <summary>Number of bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>What was written.</summary>
    public readonly ReadOnlySpan<byte> Written => _buffer[..Length];

    /// <summary>Room that is left.</summary>
    public readonly int Room => _buffer.Length - Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_buffer[Length..]);
        Length += bytes.Length;
    }

    /// <summary>One byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(byte b) => _buffer[Length++] = b;

    /// <summary>Takes the next bytes, for the caller to fill all of them.</summary>
    public Span<byte> Take(int count)
    {
        var taken = _buffer.Slice(Length, count);
        Length += count;
        return taken;
    }

    /// <summary>A decimal number.</summary>
    public void WriteNumber(long value)
    {
        if ((ulong)value < 10)
        {
            Write((byte)('0' + value));
            return;
        }

        var fits = Utf8Formatter.TryFormat(value, _buffer[Length..], out var written);
        Check(fits);
        Length += written;
    }

    /// <summary>A hexadecimal number in lower case, without leading zeros.</summary>
    public void WriteHex(uint value)
    {
        var fits = Utf8Formatter.TryFormat(value, _buffer[Length..], out var written, new System.Buffers.StandardFormat('x'));
        Check(fits);
        Length += written;
    }

    /// <summary>A header line.</summary>
    public void WriteField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Write(name);
        Write(": "u8);
        Write(value);
        Write("\r\n"u8);
    }

    // A number that does not fit would be left out in silence, and a length with it; other bytes throw by themselves.
    [System.Diagnostics.Conditional("KPN_CHECKED")]
    private static void Check(bool fits)
    {
        if (!fits)
        {
            throw new InvalidOperationException("The caller made the buffer too small.");
        }
    }
}

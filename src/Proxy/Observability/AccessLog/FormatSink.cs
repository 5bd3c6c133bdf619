using System.Buffers;
using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>How bytes that come from outside are made harmless.</summary>
internal enum ValueEscaping
{
    /// <summary><c>"</c> and <c>\</c> get a backslash; bytes outside printable ASCII become <c>\xNN</c>. One line stays one line.</summary>
    Text,

    /// <summary>JSON string escapes; valid UTF-8 passes but for control characters, an invalid byte becomes U+FFFD.</summary>
    Json,

    /// <summary>Values pass as they are; whoever asks for this makes the whole harmless.</summary>
    None,
}

/// <summary>A caller's buffer being filled. After an overflow nothing more is written and <see cref="Overflowed"/> stays true.</summary>
/// <param name="buffer">Where to.</param>
/// <param name="escaping">What happens to values.</param>
/// <param name="valueLimit">Longest value in bytes; what is cut off shows as three dots.</param>
internal ref struct FormatSink(Span<byte> buffer, ValueEscaping escaping, int valueLimit)
{
    private static readonly SearchValues<byte> PlainInText =
        SearchValues.Create([.. Enumerable.Range(0x20, 0x5f).Select(value => (byte)value).Where(value => value is not ((byte)'"' or (byte)'\\'))]);

    private readonly Span<byte> _buffer = buffer;
    private int _maxLength = int.MaxValue;

    internal int Written { get; private set; }

    internal bool Overflowed { get; private set; }

    /// <summary>Appends bytes of our own, as they are.</summary>
    internal void Raw(scoped ReadOnlySpan<byte> bytes)
    {
        if (Overflowed || !bytes.TryCopyTo(_buffer[Written..]))
        {
            Overflowed = true;
            return;
        }

        Written += bytes.Length;
    }

    internal void Number(long value)
    {
        if (Overflowed || !value.TryFormat(_buffer[Written..], out var length, default, CultureInfo.InvariantCulture))
        {
            Overflowed = true;
            return;
        }

        Written += length;
    }

    /// <summary>Appends a number with leading zeros.</summary>
    internal void Digits(long value, int width)
    {
        Span<byte> digits = stackalloc byte[20];
        for (var i = width - 1; i >= 0; i--, value /= 10)
        {
            digits[i] = (byte)('0' + (value % 10));
        }

        Raw(digits[..width]);
    }

    /// <summary>Appends at most <paramref name="maxLength"/> bytes of a value from outside, escaped.</summary>
    internal void Value(scoped ReadOnlySpan<byte> value, int maxLength = int.MaxValue)
    {
        value = Cut(value, Math.Min(maxLength, _maxLength));
        var kept = Cut(value, valueLimit);
        if (escaping == ValueEscaping.Text)
        {
            EscapeText(kept);
        }
        else if (escaping == ValueEscaping.Json)
        {
            EscapeJson(kept);
        }
        else
        {
            Raw(kept);
        }

        if (kept.Length < value.Length)
        {
            Raw("..."u8);
        }
    }

    /// <summary>Cuts values to so many bytes from here on. Returns the limit that held before.</summary>
    internal int Limit(int maxLength)
    {
        var before = _maxLength;
        _maxLength = maxLength;
        return before;
    }

    /// <summary>Takes back what was written after <paramref name="position"/>.</summary>
    internal void Rewind(int position) => Written = Math.Min(Written, position);

    // Never inside a UTF-8 sequence.
    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> value, int maxLength)
    {
        if (value.Length <= maxLength)
        {
            return value;
        }

        while (maxLength > 0 && (value[maxLength] & 0xC0) == 0x80)
        {
            maxLength--;
        }

        return value[..maxLength];
    }

    private void EscapeText(scoped ReadOnlySpan<byte> value)
    {
        while (true)
        {
            var special = value.IndexOfAnyExcept(PlainInText);
            if (special < 0)
            {
                Raw(value);
                return;
            }

            Raw(value[..special]);
            var character = value[special];
            if (character is (byte)'"' or (byte)'\\')
            {
                Raw([(byte)'\\', character]);
            }
            else
            {
                Raw([(byte)'\\', (byte)'x', HexDigit(character >> 4), HexDigit(character & 15)]);
            }

            value = value[(special + 1)..];
        }
    }

    private void EscapeJson(scoped ReadOnlySpan<byte> value)
    {
        while (true)
        {
            var special = value.IndexOfAnyExcept(PlainInText);
            if (special < 0)
            {
                Raw(value);
                return;
            }

            Raw(value[..special]);
            value = value[special..];
            var status = Rune.DecodeFromUtf8(value, out var rune, out var length);
            if (status != OperationStatus.Done)
            {
                Raw(@"\ufffd"u8);
            }
            else if (rune.Value is '"' or '\\')
            {
                Raw([(byte)'\\', value[0]]);
            }
            else if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                Raw(@"\u"u8);
                Raw([HexDigit(rune.Value >> 12), HexDigit((rune.Value >> 8) & 15), HexDigit((rune.Value >> 4) & 15), HexDigit(rune.Value & 15)]);
            }
            else
            {
                Raw(value[..length]);
            }

            value = value[length..];
        }
    }

    private static byte HexDigit(int value) => "0123456789abcdef"u8[value];
}

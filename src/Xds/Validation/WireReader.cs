namespace KubeProxyNet.Xds.Validation;

/// <summary>Reads protobuf's binary form field by field. Source: https://protobuf.dev/programming-guides/encoding.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Reads the next field.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="content">The bytes of a text, message or packed list; empty for a number.</param>
    /// <returns>False at the end, and where the bytes are malformed.</returns>
    public bool TryReadField(out int number, out ReadOnlySpan<byte> content)
    {
        number = 0;
        content = default;
        if (!TryReadVarint(out var tag) || tag > uint.MaxValue || tag >> 3 == 0)
        {
            return false;
        }

        number = (int)(tag >> 3);
        return (int)(tag & 7) switch
        {
            Varint => TryReadVarint(out _),
            Fixed64 => TryTake(sizeof(ulong), out _),
            Fixed32 => TryTake(sizeof(uint), out _),
            LengthDelimited => TryReadVarint(out var length) && TryTake(length, out content),
            _ => false,
        };
    }

    private bool TryTake(ulong length, out ReadOnlySpan<byte> taken)
    {
        if (length > (ulong)_rest.Length)
        {
            taken = default;
            return false;
        }

        taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    private bool TryReadVarint(out ulong value)
    {
        value = 0;
        for (var i = 0; i < _rest.Length && i < 10; i++)
        {
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}

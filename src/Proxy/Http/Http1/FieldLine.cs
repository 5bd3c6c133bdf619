using System.Runtime.Intrinsics;

namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>
/// A header line read in one pass of wide steps: name, colon, value and line end together. It takes lines that are good and plain, as nearly all are; whatever else a line may be is
/// judged by <see cref="HeadParser"/>, byte for byte. Both find the same in a line that both take.
/// </summary>
/// <param name="Name">The name, in lower case where it stands.</param>
/// <param name="Value">The value without white space around it.</param>
/// <param name="Next">Where the next line begins.</param>
internal readonly record struct FieldLine(Slice Name, Slice Value, int Next)
{
    /// <summary>Reads a line that ends before <paramref name="end"/>. False, and nothing changed, where it is not there whole or is no plain one.</summary>
    /// <param name="storage">What the line stands in.</param>
    /// <param name="start">Its first byte.</param>
    /// <param name="end">Where the bytes received end; those behind it have no say.</param>
    /// <param name="line">The line.</param>
    public static bool TryTake(byte[] storage, int start, int end, out FieldLine line)
    {
        line = default;
        if (!Wide.HasStep(storage, start))
        {
            return false;
        }

        var first = Wide.At(storage, start);
        var letters = Wide.IsLetter(first, out var folded);
        var names = letters | Wide.IsIn(first, (byte)'0', (byte)'9') | Wide.Is(first, (byte)'-');
        var length = Wide.Before(~names.ExtractMostSignificantBits());
        if (length is 0 or >= Wide.Step || storage[start + length] != ':')
        {
            return false;
        }

        var offset = start;
        var stops = Controls(first) & ~Wide.First(length);
        while (stops == 0)
        {
            offset += Wide.Step;
            if (offset >= end || !Wide.HasStep(storage, offset))
            {
                return false;
            }

            stops = Controls(Wide.At(storage, offset));
        }

        var stop = offset + Wide.Before(stops);
        if (stop + 1 >= end || storage[stop] != '\r' || storage[stop + 1] != '\n')
        {
            return false;
        }

        if (((letters ^ Vector256.Equals(first, folded)) & letters).ExtractMostSignificantBits() is var upper && (upper & Wide.First(length)) != 0)
        {
            LowerCase(storage, start, upper & Wide.First(length));
        }

        var valueStart = start + length + 1;
        while (valueStart < stop && storage[valueStart] is (byte)' ' or (byte)'\t')
        {
            valueStart++;
        }

        var valueEnd = stop;
        while (valueEnd > valueStart && storage[valueEnd - 1] is (byte)' ' or (byte)'\t')
        {
            valueEnd--;
        }

        line = new FieldLine(new Slice(start, length), new Slice(valueStart, valueEnd - valueStart), stop + 2);
        return true;
    }

    /// <summary>A bit for each byte that <see cref="Grammar.IsText(byte)"/> does not allow.</summary>
    private static uint Controls(Vector256<byte> bytes)
    {
        var controls = Vector256.AndNot(Wide.IsIn(bytes, 0, 0x1F), Wide.Is(bytes, (byte)'\t')) | Wide.Is(bytes, 0x7F);
        return controls.ExtractMostSignificantBits();
    }

    /// <summary>A name has few upper-case letters, or none.</summary>
    private static void LowerCase(byte[] storage, int start, uint upper)
    {
        for (; upper != 0; upper &= upper - 1)
        {
            storage[start + Wide.Before(upper)] |= 0x20;
        }
    }
}

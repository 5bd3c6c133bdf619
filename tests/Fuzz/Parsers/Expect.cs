using System.Text;
using KubeProxyNet.Fuzz.Reference;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>What the oracles demand.</summary>
internal static class Expect
{
    /// <summary>A table of fields may grow once; nothing else on these paths allocates.</summary>
    private const long MaxAllocated = 32 * 1024;

    public static bool IsComplete(this ReferenceMessage message) => message.Reading == Reading.Complete;

    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new FuzzFailure($"{what} differ: {expected} and {actual}");
        }
    }

    public static void Equal(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string what)
    {
        if (!expected.SequenceEqual(actual))
        {
            throw new FuzzFailure($"{what} differ: '{Escaped(expected)}' and '{Escaped(actual)}'");
        }
    }

    public static void True(bool condition, string what)
    {
        if (!condition)
        {
            throw new FuzzFailure(what);
        }
    }

    public static void NoAllocation(long bytes) => True(bytes <= MaxAllocated, $"{bytes} bytes were allocated on the heap");

    /// <summary>Bytes as text of one line, as bash's <c>printf</c> takes it.</summary>
    public static string Escaped(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (var b in bytes)
        {
            text.Append(b switch
            {
                (byte)'\r' => "\\r",
                (byte)'\n' => "\\n",
                (byte)'\\' => "\\\\",
                (byte)'%' => "%%",
                >= 0x20 and < 0x7F and not (byte)'\'' => ((char)b).ToString(),
                _ => $"\\x{b:x2}",
            });
        }

        return text.ToString();
    }
}
